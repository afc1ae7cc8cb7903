-- How long things are kept: the installation's terms, and shorter ones of an organization.
-- Depends on: tenancy, memberships, list_workers. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table private.retention_terms (
    tier text primary key,
    kept_days integer not null,
    min_days integer not null,
    must_archive boolean not null default false,
    updated_at timestamptz not null default now(),
    constraint retention_terms_tier_check check (
        tier in ('passed_evidence', 'failed_evidence', 'runs', 'metrics', 'history', 'events')
    ),
    constraint retention_terms_days_check check (kept_days between min_days and 3660),
    constraint retention_terms_archive_check check (
        not must_archive or tier in ('passed_evidence', 'failed_evidence')
    )
);
comment on table private.retention_terms is
$comment$How long this installation keeps what: one row a tier. Set with the secret key
(set_retention); an organization may ask for less (organization_retention). Why these:
docs/operations.md.$comment$;
comment on column private.retention_terms.tier is
$comment$passed_evidence and failed_evidence: what was sent, answered and judged in attempts; runs:
runs and their results; metrics: performance_metrics; history: test_run_history; events:
platform_events and what was delivered of them.$comment$;
comment on column private.retention_terms.kept_days is
'Days, from min_days to 3,660. Evidence goes a whole month at a time, when its last day is as old.';
comment on column private.retention_terms.min_days is
'What nobody may go below: what the analysis of tests looks back at.';
comment on column private.retention_terms.must_archive is
$comment$True: evidence is dropped only when `assay archive` has written it out and verified it.
False for all other tiers.$comment$;
comment on column private.retention_terms.updated_at is 'When it was last set; kept by a trigger.';

insert into private.retention_terms (tier, kept_days, min_days)
values
('passed_evidence', 90, 1),
('failed_evidence', 180, 1),
('runs', 365, 30),
('metrics', 730, 30),
('history', 730, 30),
('events', 400, 7);

create trigger t100_touch_updated_at
before update on private.retention_terms
for each row execute function private.touch_updated_at();

create table public.organization_retention (
    organization_id uuid not null references public.organizations on delete cascade,
    tier text not null references private.retention_terms,
    kept_days integer not null,
    updated_at timestamptz not null default now(),
    primary key (organization_id, tier),
    constraint organization_retention_days_check check (kept_days > 0)
);
comment on table public.organization_retention is
$comment$What an organization asked to be kept for less time than the installation keeps it. Written
by set_retention.$comment$;
comment on column public.organization_retention.organization_id is 'The organization.';
comment on column public.organization_retention.tier is 'As in retention_terms.';
comment on column public.organization_retention.kept_days is
'Days; the installation''s term counts where that has become shorter.';
comment on column public.organization_retention.updated_at is 'When it was set.';
create index organization_retention_tier_idx on public.organization_retention (tier);

create function private.kept_until(tier text, organization_id uuid default null)
returns date
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select (now() at time zone 'utc')::date - least(terms.kept_days, asked.kept_days)
        from private.retention_terms as terms
        left join public.organization_retention as asked
            on asked.tier = terms.tier and asked.organization_id = kept_until.organization_id
        where terms.tier = kept_until.tier
    );
end;
$function$;
comment on function private.kept_until(text, uuid) is
$comment$The first day (UTC) of which a tier is still kept: what is older goes.

organization_id: its own term counts if that is shorter; null = the installation's.$comment$;

create function private.find_tier(tier text)
returns private.retention_terms
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_terms private.retention_terms;
begin
    select terms.*
    into v_terms
    from private.retention_terms as terms
    where terms.tier = find_tier.tier;
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('there is no tier "%s"', left(tier, 100))),
            detail = 'unknown_tier',
            hint = 'One of passed_evidence, failed_evidence, runs, metrics, history, events.';
    end if;
    return v_terms;
end;
$function$;
comment on function private.find_tier(text) is
'The installation''s term of a tier. Errors: PT404 unknown_tier.';

create function private.refuse_retention(kept_days integer, min_days integer, max_days integer)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if kept_days not between min_days and max_days then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format('%s days is outside %s..%s', kept_days, min_days, max_days)
            ),
            detail = 'retention_out_of_range',
            hint = 'An organization may ask for as long as the installation keeps it, or less.';
    end if;
end;
$function$;
comment on function private.refuse_retention(integer, integer, integer) is
'Raise PT400 retention_out_of_range for days outside a range.';

create function private.set_installation_retention(
    tier text, kept_days integer, must_archive boolean
)
returns private.retention_terms
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_terms private.retention_terms := private.find_tier(set_installation_retention.tier);
begin
    perform private.refuse_retention(
        set_installation_retention.kept_days, v_terms.min_days, 3660
    );
    if set_installation_retention.must_archive and v_terms.tier not like '%\_evidence' then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(format('%s are not archived', v_terms.tier)),
            detail = 'not_archivable',
            hint = 'must_archive goes with passed_evidence and failed_evidence.';
    end if;
    update private.retention_terms as terms
    set
        kept_days = coalesce(set_installation_retention.kept_days, terms.kept_days),
        must_archive = coalesce(set_installation_retention.must_archive, terms.must_archive)
    where terms.tier = v_terms.tier
    returning terms.* into v_terms;
    return v_terms;
end;
$function$;
comment on function private.set_installation_retention(text, integer, boolean) is
$comment$Change the installation's term of a tier; null leaves what it is. Errors: PT400
retention_out_of_range, not_archivable; PT404 unknown_tier.$comment$;

create function private.set_organization_retention(
    organization_id uuid, tier text, kept_days integer
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_terms private.retention_terms := private.find_tier(set_organization_retention.tier);
begin
    perform private.refuse_retention(
        set_organization_retention.kept_days, v_terms.min_days, v_terms.kept_days
    );
    if set_organization_retention.kept_days is null then
        delete from public.organization_retention as asked
        where
            asked.organization_id = set_organization_retention.organization_id
            and asked.tier = v_terms.tier;
        return;
    end if;
    insert into public.organization_retention (organization_id, tier, kept_days)
    values (
        set_organization_retention.organization_id, v_terms.tier,
        set_organization_retention.kept_days
    )
    on conflict on constraint organization_retention_pkey do update
    set kept_days = excluded.kept_days, updated_at = now();
end;
$function$;
comment on function private.set_organization_retention(uuid, text, integer) is
$comment$Keep a tier of an organization for fewer days; null: as long as the installation does.
Errors: PT400 retention_out_of_range; PT404 unknown_tier.$comment$;

create function private.set_retention(
    organization_id uuid, tier text, kept_days integer, must_archive boolean
)
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer -- nobody who is signed in writes these tables
set search_path = ''
as $function$
begin
    perform private.require_manager(
        set_retention.organization_id, 'decide how long things are kept'
    );
    if set_retention.organization_id is null then
        perform private.set_installation_retention(
            set_retention.tier, set_retention.kept_days, set_retention.must_archive
        );
    else
        perform private.set_organization_retention(
            set_retention.organization_id, set_retention.tier, set_retention.kept_days
        );
    end if;
    return (
        select jsonb_build_object(
            'organization', set_retention.organization_id,
            'tier', terms.tier,
            'kept_days', least(terms.kept_days, asked.kept_days),
            'must_archive', terms.must_archive
        )
        from private.retention_terms as terms
        left join public.organization_retention as asked
            on
                asked.tier = terms.tier
                and asked.organization_id = set_retention.organization_id
        where terms.tier = set_retention.tier
    );
end;
$function$;
comment on function private.set_retention(uuid, text, integer, boolean) is
'Does the work of public.set_retention.';
grant execute on function private.set_retention(uuid, text, integer, boolean)
to authenticated, service_role;

create function public.set_retention(
    organization_id uuid,
    tier text,
    kept_days integer default null,
    must_archive boolean default null
)
returns jsonb
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.set_retention(organization_id, tier, kept_days, must_archive);
$function$;
comment on function public.set_retention(uuid, text, integer, boolean) is
$comment$Say how long an organization's data is kept, if that is less than the installation keeps
it; or, with the secret key, the installation.

organization_id: for its owners, admins and the secret key; null: the installation, for the secret
key. tier: passed_evidence, failed_evidence, runs, metrics, history or events. kept_days: of an
organization from what the tier allows at least (get_retention_report) to the installation's term,
null = as long as that; of the installation up to 3,660, null leaves it. must_archive: of the
installation, whether evidence waits for `assay archive`; null leaves it. What is older goes within
a day and for good: an organization's bodies of evidence (request, response, expected, actual), or
whole rows. Returns {"organization", "tier", "kept_days", "must_archive"}, as it counts. Errors:
PT400 retention_out_of_range, not_archivable; PT403 not_allowed; PT404 unknown_organization,
unknown_tier.$comment$;
grant execute on function public.set_retention(uuid, text, integer, boolean)
to authenticated, service_role;

alter table private.retention_terms enable row level security;
alter table public.organization_retention enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.retention_terms for select to public using (false);
grant select on public.organization_retention to authenticated, service_role;

create policy organization_retention_select_member on public.organization_retention
for select to authenticated
using (organization_id = any(array(select private.my_organization_ids())));
