-- Live updates: the publication for simple clients, private topics for the rest.
-- Depends on: runs, the platform's Realtime. Locks: the published tables, briefly.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Whole tables, without row filters or column lists: hosted Realtime reads the log with wal2json,
-- which knows neither.
alter publication supabase_realtime
add table public.test_runs, public.test_results, public.test_execution_context;

-- No deletions: Realtime gives the key of a deleted row to everybody who subscribes, since there is
-- nothing left that row level security could be asked about. Clients delete nothing here anyway.
alter publication supabase_realtime set (publish = 'insert, update');

create function private.announce(topic text, event text, payload jsonb)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select realtime.send(announce.payload, announce.event, announce.topic, true);
$function$;
comment on function private.announce(text, text, jsonb) is
$comment$Broadcast one event on a private topic. Call it once for a statement, never for a row.

topic: workers, workers:<organization>, run:<id> or project:<id>. A hint only: whoever misses it
reads the tables.$comment$;

create function private.topic_id(topic text, prefix text)
returns uuid
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    -- a foreign topic gives null; it must never raise inside somebody else's policy check
    select case
        when topic ~ (
            '^' || prefix || ':[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        )
            then split_part(topic, ':', 2)::uuid
    end;
$function$;
comment on function private.topic_id(text, text) is
'run:<id> and run give the id; any other topic gives null.';
grant execute on function private.topic_id(text, text) to authenticated;

create policy assay_messages_select_member on realtime.messages
for select to authenticated
using (
    extension = 'broadcast'
    and (
        exists (
            select
            from public.test_runs as runs
            where
                runs.id = (select private.topic_id(realtime.topic(), 'run'))
                and runs.project_id = any(array(select private.my_project_ids()))
        )
        or (select private.topic_id(realtime.topic(), 'project'))
        = any(array(select private.my_project_ids()))
        or (select private.topic_id(realtime.topic(), 'workers'))
        = any(array(select private.my_runner_organization_ids()))
    )
);
