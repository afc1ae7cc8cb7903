-- Sizes of texts in the tables that are older than the checks.
-- Depends on: tenancy, problems. Locks: users and organizations, briefly.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- each raises, with the place and a hint, what is too long
alter table public.users
add constraint users_texts_check check (
    private.accept(private.length_problem(display_name, '/display_name', 1000))
);

alter table public.organizations
add constraint organizations_texts_check check (
    private.accept(private.length_problem(name, '/name', 1000))
);
