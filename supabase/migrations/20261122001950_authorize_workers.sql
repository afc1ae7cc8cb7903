-- Who may be a worker: the secret key, for all organizations, and runner accounts, for their own.
-- Depends on: rescue. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.runner_id()
returns uuid
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    -- a secret key may carry any subject, and is nobody's account all the same
    select case when not private.is_operator() then auth.uid() end;
$function$;
comment on function private.runner_id() is
'The account that calls; null for the secret key and a direct connection.';

create function private.runner_key(user_id uuid)
returns bigint
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select hashtextextended('assay runner ' || user_id::text, 0);
$function$;
comment on function private.runner_key(uuid) is 'The advisory lock of a runner account.';

create function private.hold_runner(user_id uuid)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select pg_advisory_xact_lock_shared(private.runner_key(user_id));
$function$;
comment on function private.hold_runner(uuid) is
$comment$Keep the account from being revoked until this transaction is over: what a worker began to
report or claim counts as a whole, or not at all. Does not wait for other calls of the account.

Taken before any row is locked. The other side: private.stop_calls.$comment$;

create function private.hold_call(call_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform pg_advisory_xact_lock(hashtextextended('assay call ' || call_id::text, 0));
end;
$function$;
comment on function private.hold_call(uuid) is
$comment$Let a claim or report wait for itself: one whose connection broke, or that took too long,
is repeated, maybe while it is still under way, and must then see the leases that it takes.

Taken before any row is locked; two different calls never wait for each other.$comment$;

create function private.refuse_caller()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    raise exception using
        errcode = 'PT403',
        message = 'this account is no runner of any organization',
        detail = 'not_allowed',
        hint = 'A worker takes the secret key, or an account that an organization invited as its '
            || 'runner; people cannot be workers.';
end;
$function$;
comment on function private.refuse_caller() is 'Raise PT403 not_allowed: the caller is no worker.';

create function private.require_labels(declared text[], granted text[])
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if not declared <@ granted then
        raise exception using
            errcode = 'PT403',
            message = private.one_line(
                format(
                    'this runner may not declare the label "%s"',
                    (
                        select words.label
                        from unnest(declared) with ordinality as words (label, ordinal)
                        where (words.label = any(granted)) is not true
                        order by words.ordinal
                        limit 1
                    )
                )
            ),
            detail = 'label_not_granted',
            hint = 'Leave it out of the worker''s labels, or ask an owner or admin to grant it.';
    end if;
end;
$function$;
comment on function private.require_labels(text[], text[]) is
'Raise PT403 label_not_granted unless all labels that a worker declares were granted to it.';

create function private.require_few_workers(user_id uuid)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if (
        select count(*)
        from public.workers
        where
            workers.user_id = require_few_workers.user_id
            and workers.last_seen_at > now() - interval '1 hour'
    ) >= 100 then
        raise exception using
            errcode = 'PT429',
            message = 'this runner has 100 workers of the last hour',
            detail = 'too_many_workers',
            hint = 'Let a worker run rather than start one for each run, or use another runner.';
    end if;
end;
$function$;
comment on function private.require_few_workers(uuid) is
$comment$Raise PT429 too_many_workers when a runner account fills the table of workers: each start
makes a row, also that of a process that is started again and again.$comment$;

create function private.prune_workers()
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    delete from public.workers
    where workers.last_seen_at < now() - interval '30 days';
$function$;
comment on function private.prune_workers() is
'Forget workers that have not called for 30 days. Called by cron.';

create function private.authorize_worker(worker_id uuid)
returns public.workers
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_user_id uuid := private.runner_id();
    v_worker public.workers;
begin
    if v_user_id is not null then
        perform private.hold_runner(v_user_id);
    end if;

    select workers.*
    into v_worker
    from public.workers
    where
        workers.id = authorize_worker.worker_id
        and workers.user_id is not distinct from v_user_id;
    if not found then
        if not private.is_operator() and not exists (
            select private.my_runner_organization_ids()
        ) then
            perform private.refuse_caller();
        end if;
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('there is no worker %s', authorize_worker.worker_id)),
            detail = 'unknown_worker',
            hint = 'Call register_worker first, and again after the database was restored.';
    end if;
    if v_worker.revoked_at is not null then
        raise exception using
            errcode = 'PT403',
            message = private.one_line(
                format('the worker %s was revoked', authorize_worker.worker_id)
            ),
            detail = 'worker_revoked',
            hint = 'Its account is no runner of the organization any more, or lost a label that '
                || 'the worker declares: ask an owner or admin.';
    end if;

    perform private.note_contact(true);
    -- to the minute: a write on every call would be a hot row for nothing; and never waiting for
    -- another call of the worker, which notes it too
    if v_worker.last_seen_at < now() - interval '1 minute' then
        update public.workers
        set last_seen_at = now()
        where id in (
            select workers.id
            from public.workers
            where workers.id = authorize_worker.worker_id
            for no key update skip locked
        );
    end if;
    return v_worker;
end;
$function$;
comment on function private.authorize_worker(uuid) is
$comment$The caller's own worker of this id; notes when it was last seen.

What a worker's row says of its organization and labels holds as long as it is not revoked.
Errors: PT403 not_allowed, worker_revoked; PT404 unknown_worker, also for somebody else's.$comment$;
