-- Each night: causes that read nearly alike become one, and what nobody looks after is forgotten.
-- Depends on: file_failures, the extension pg_trgm. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.pair_failures(project_id uuid, max_failures integer)
returns table (failure_id uuid, other_id uuid)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with uncompared as materialized (
        select failures.*
        from public.failure_analysis as failures
        where
            failures.project_id = pair_failures.project_id
            and failures.compared_at is null
        order by failures.first_seen_at, failures.id
        limit max_failures
    )

    select
        uncompared.id,
        others.id
    from uncompared
    -- of one class there are 200, see private.bound_failures
    inner join public.failure_analysis as others
        on
            others.project_id = pair_failures.project_id
            and others.failure_class = uncompared.failure_class
            and others.location = uncompared.location
            and others.id <> uncompared.id
    where
        -- a look at the length before one at the trigrams
        length(others.message) between 0.8 * length(uncompared.message) - 3
        and 1.25 * length(uncompared.message) + 3
        and extensions.similarity(uncompared.message, others.message) > 0.9;
$function$;
comment on function private.pair_failures(uuid, integer) is
$comment$Causes of a project that have not been compared yet, the oldest first, each with
those of its class and location whose message is nearly the same: trigrams more than 0.9
alike. Source: algorithms 3.8.$comment$;

create function private.join_pairs(project_id uuid, max_failures integer)
returns table (failure_id uuid, survivor_id uuid)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with recursive pairs as materialized (
        select
            alike.failure_id,
            alike.other_id
        from private.pair_failures(join_pairs.project_id, max_failures) as alike
    ),

    edges as materialized (
        select
            pairs.failure_id,
            pairs.other_id
        from pairs
        union
        select
            pairs.other_id,
            pairs.failure_id
        from pairs
    ),

    reached as (
        select
            edges.failure_id,
            edges.other_id
        from edges
        union
        select
            reached.failure_id,
            edges.other_id
        from reached
        inner join edges on edges.failure_id = reached.other_id
    ),

    ranked as (
        select
            reached.failure_id,
            reached.other_id,
            row_number() over (
                partition by reached.failure_id order by failures.first_seen_at, failures.id
            ) as place
        from reached
        inner join public.failure_analysis as failures on failures.id = reached.other_id
    )

    select
        ranked.failure_id,
        ranked.other_id
    from ranked
    where ranked.place = 1 and ranked.other_id <> ranked.failure_id;
$function$;
comment on function private.join_pairs(uuid, integer) is
$comment$What is to be merged into what: of causes that are alike, directly or through
others, all go to the one seen first.$comment$;

create function private.move_traces(merged jsonb)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with pairs as materialized (
        select
            given.failure_id,
            given.survivor_id
        from jsonb_to_recordset(merged) as given (failure_id uuid, survivor_id uuid)
    ),

    occurrences as (
        update private.failure_occurrences as occurrences
        set failure_id = pairs.survivor_id
        from pairs
        where occurrences.failure_id = pairs.failure_id
    ),

    aliases as (
        update private.failure_aliases as aliases
        set failure_id = pairs.survivor_id
        from pairs
        where aliases.failure_id = pairs.failure_id
    ),

    new_aliases as (
        insert into private.failure_aliases (project_id, fingerprint, failure_id)
        select
            failures.project_id,
            failures.fingerprint,
            pairs.survivor_id
        from pairs
        inner join public.failure_analysis as failures on failures.id = pairs.failure_id
    )

    insert into public.failure_tests as kept (
        failure_id, test_case_id, environment_id, project_id, occurrence_count, first_seen_at,
        last_seen_at, pass_count, last_passed_at
    )
    select
        pairs.survivor_id,
        tests.test_case_id,
        tests.environment_id,
        tests.project_id,
        sum(tests.occurrence_count),
        min(tests.first_seen_at),
        max(tests.last_seen_at),
        (array_agg(tests.pass_count order by tests.last_seen_at desc))[1],
        max(tests.last_passed_at)
    from pairs
    inner join public.failure_tests as tests on tests.failure_id = pairs.failure_id
    group by
        pairs.survivor_id, tests.test_case_id, tests.environment_id, tests.project_id
    on conflict (failure_id, test_case_id, environment_id) do update
    set
        occurrence_count = kept.occurrence_count + excluded.occurrence_count,
        first_seen_at = least(kept.first_seen_at, excluded.first_seen_at),
        last_seen_at = greatest(kept.last_seen_at, excluded.last_seen_at),
        -- passes count since the latest failure
        pass_count = case
            when excluded.last_seen_at > kept.last_seen_at then excluded.pass_count
            else kept.pass_count
        end,
        last_passed_at = greatest(kept.last_passed_at, excluded.last_passed_at);
$function$;
comment on function private.move_traces(jsonb) is
$comment$Give what is known of merged causes to those that they become: results, tests,
fingerprints.

merged: [{"failure_id", "survivor_id"}].$comment$;

create function private.absorb_failures(merged jsonb)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with pairs as materialized (
        select
            given.failure_id,
            given.survivor_id
        from jsonb_to_recordset(merged) as given (failure_id uuid, survivor_id uuid)
    ),

    gone as (
        delete from public.failure_analysis as failures
        using pairs
        where failures.id = pairs.failure_id
        returning failures.*, pairs.survivor_id
    ),

    sums as (
        select
            gone.survivor_id,
            sum(gone.occurrence_count) as occurrence_count,
            sum(gone.skipped_count) as skipped_count,
            max(gone.last_seen_at) as last_seen_at,
            (array_agg(gone.last_run_id order by gone.last_seen_at desc))[1] as last_run_id,
            string_agg(gone.note, e'\n' order by gone.status_changed_at) as note,
            -- what somebody said of one of them, the latest word
            (
                array_agg(gone.status order by gone.status_changed_at desc)
                filter (where gone.status <> 'open')
            )[1] as status,
            max(gone.status_changed_at) filter (where gone.status <> 'open') as status_changed_at,
            (
                array_agg(gone.status_changed_by order by gone.status_changed_at desc)
                filter (where gone.status <> 'open')
            )[1] as status_changed_by,
            max(gone.last_seen_at) filter (where gone.status = 'open') as open_seen_at,
            sum(gone.regression_count) as regression_count,
            max(gone.regressed_at) as regressed_at
        from gone
        group by gone.survivor_id
    ),

    stated as (
        select
            sums.*,
            tests.test_count,
            tests.environment_count,
            -- seen again under another fingerprint after it had been fixed
            failures.status = 'fixed'
            and sums.open_seen_at > failures.status_changed_at as is_back,
            failures.status = 'open' and failures.status_changed_at is null
            and sums.status = 'known' as is_taken_over
        from sums
        inner join public.failure_analysis as failures on failures.id = sums.survivor_id
        cross join lateral (
            select
                count(distinct broken.test_case_id) as test_count,
                count(distinct broken.environment_id) as environment_count
            from public.failure_tests as broken
            where broken.failure_id = sums.survivor_id
        ) as tests
    )

    update public.failure_analysis as failures
    set
        occurrence_count = failures.occurrence_count + stated.occurrence_count,
        skipped_count = failures.skipped_count + stated.skipped_count,
        test_count = stated.test_count,
        environment_count = stated.environment_count,
        last_run_id = case
            when stated.last_seen_at > failures.last_seen_at then stated.last_run_id
            else failures.last_run_id
        end,
        last_seen_at = greatest(failures.last_seen_at, stated.last_seen_at),
        note = nullif(
            left(
                concat_ws(e'\n', failures.note, stated.note), greatest(length(failures.note), 2000)
            ), ''
        ),
        status = case
            when stated.is_back then 'open'
            when stated.is_taken_over then stated.status
            else failures.status
        end,
        status_changed_at = case
            when stated.is_taken_over then stated.status_changed_at
            else failures.status_changed_at
        end,
        status_changed_by = case
            when stated.is_taken_over then stated.status_changed_by
            else failures.status_changed_by
        end,
        regression_count
        = failures.regression_count + stated.regression_count + stated.is_back::integer,
        regressed_at = case
            when stated.is_back then clock_timestamp()
            else greatest(failures.regressed_at, stated.regressed_at)
        end
    from stated
    where failures.id = stated.survivor_id;
$function$;
comment on function private.absorb_failures(jsonb) is
$comment$Delete merged causes, once private.move_traces has taken what hung on them, and
add their counts and notes to those that they become. What people said of the latter
stands; where they said nothing, known is taken over.

merged: [{"failure_id", "survivor_id"}].$comment$;

create function private.merge_project_failures(project_id uuid, max_failures integer)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_merged jsonb;
begin
    perform private.hold_failures(array[merge_project_failures.project_id]);
    select coalesce(jsonb_agg(pairs), '[]')
    into v_merged
    from private.join_pairs(merge_project_failures.project_id, max_failures) as pairs;
    if v_merged <> '[]' then
        perform private.move_traces(v_merged);
        perform private.absorb_failures(v_merged);
    end if;
    update public.failure_analysis
    set compared_at = clock_timestamp()
    where id in (
        select failures.id
        from public.failure_analysis as failures
        where
            failures.project_id = merge_project_failures.project_id
            and failures.compared_at is null
        order by failures.first_seen_at, failures.id
        limit max_failures
    );
    return jsonb_array_length(v_merged);
end;
$function$;
comment on function private.merge_project_failures(uuid, integer) is
$comment$Merge causes of a project that read nearly alike, of the oldest max_failures that
have not been compared yet; how many went into others.$comment$;

create function private.forget_failures()
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_count integer;
begin
    delete from public.failure_analysis
    where
        last_seen_at < now() - interval '2 years'
        or (
            last_seen_at < now() - interval '180 days'
            and note is null
            and status_changed_by is null
        );
    get diagnostics v_count = row_count;
    return v_count;
end;
$function$;
comment on function private.forget_failures() is
$comment$Delete causes that have not been seen for 180 days, or for two years where
somebody said something of them; how many. Their results are gone by then.$comment$;

create function private.merge_failures()
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_project uuid;
    v_count integer := 0;
begin
    for v_project in
        select failures.project_id
        from public.failure_analysis as failures
        where failures.compared_at is null
        group by failures.project_id
        order by failures.project_id
    loop
        v_count := v_count + private.merge_project_failures(v_project, 1000);
    end loop;
    -- tests that were archived since are waited for no more
    perform private.tell_failures(
        private.close_failures(array(
            select failures.id
            from public.failure_analysis as failures
            where failures.status = 'open' and failures.last_seen_at < now() - interval '1 day'
        )), 'failure_resolved'
    );
    return v_count + private.forget_failures();
end;
$function$;
comment on function private.merge_failures() is
$comment$Merge what reads nearly alike, in each project up to 1,000 causes that are new
since the last time; take for fixed what no live test can show any more; forget what is
old. Returns how many causes went. Called by a job, each night; doing it again changes
nothing.$comment$;
