-- Finding failures: what runs that are over hold of them, each told by its fingerprint.
-- Depends on: failures, evidence. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.found_failure as (
    result_id uuid,
    run_id uuid,
    project_id uuid,
    environment_id uuid,
    test_case_id uuid,
    class text,
    location text,
    message text,
    fingerprint text,
    example text,
    queued_at timestamptz,
    seen_at timestamptz,
    skipped_count integer,
    failure_id uuid
);
comment on type private.found_failure is
$comment$A result that failed or ended in error, and what it is one of. queued_at: of its
run; seen_at: when it was judged; example: its message; failure_id: null until it is
placed.$comment$;

create type private.unfiled_result as (
    result public.test_results,
    environment_id uuid,
    queued_at timestamptz,
    evidence private.failure_evidence
);
comment on type private.unfiled_result is 'A result that is to be filed, and what is known of it.';

create function private.read_evidence(run_ids uuid[])
returns setof private.unfiled_result
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select
        results,
        runs.environment_id,
        runs.queued_at,
        row(
            results.category, results.slug, results.message, results.http_status,
            judged.is_status_expected, (judged.failed).source, (judged.failed).target,
            (judged.failed).operator, (judged.failed).expected, (judged.failed).actual,
            (judged.failed).message,
            case
                -- only where it is needed: it has to be unpacked
                when
                    decided.response ->> 'encoding' = 'utf-8'
                    and (
                        results.http_status >= 400
                        or (judged.failed).message not like 'expected: %'
                    )
                    then left(decided.response ->> 'body', 1000)
            end
        )::private.failure_evidence
    from public.test_runs as runs
    inner join public.test_results as results on results.run_id = runs.id
    -- result by result: joined as sets, all of a run would be compared with all
    left join lateral (
        -- the attempt that decided
        select
            details.attempt,
            details.response
        from public.test_result_details as details
        where
            details.retention_class = 'failed'
            and details.planned_on = results.planned_on
            and details.result_id = results.id
            and details.lease = results.accepted_lease
    ) as decided on true
    left join lateral (
        select
            bool_or(assertions.source = 'status' and assertions.passed) as is_status_expected,
            (
                array_agg(assertions order by assertions.assertion_index)
                filter (where not assertions.passed)
            )[1] as failed
        from public.assertion_results as assertions
        where
            assertions.retention_class = 'failed'
            and assertions.planned_on = results.planned_on
            and assertions.result_id = results.id
            and assertions.attempt = decided.attempt
    ) as judged on true
    where
        runs.id = any(run_ids)
        and results.status in ('failed', 'error')
        and not exists (
            select
            from private.failure_occurrences as occurrences
            where occurrences.result_id = results.id
        );
end;
$function$;
comment on function private.read_evidence(uuid[]) is
$comment$What failed or ended in error in runs and is not filed yet, with the evidence of
its last attempt.$comment$;

create function private.find_failures(run_ids uuid[])
returns private.found_failure[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        with unfiled as materialized (
            select
                (entries.result).id as result_id,
                (entries.result).run_id as run_id,
                (entries.result).project_id as project_id,
                (entries.result).test_case_id as test_case_id,
                (entries.result).message as example,
                (entries.result).finished_at as seen_at,
                entries.environment_id,
                entries.queued_at,
                entries.evidence,
                private.failure_class(entries.evidence) as class
            from private.read_evidence(run_ids) as entries
        ),

        located as materialized (
            select
                unfiled.*,
                private.failure_location(unfiled.evidence, unfiled.class) as location,
                private.failure_text(unfiled.evidence, unfiled.class) as said
            from unfiled
        ),

        -- each text once: forty tests with one cause say the same
        normalized as materialized (
            select
                texts.said,
                private.normalize_message(texts.said) as message
            from (select distinct located.said from located) as texts
        ),

        skips as (
            select
                skipped.cause_result_id,
                count(*)::integer as skipped_count
            from public.test_results as skipped
            where skipped.run_id = any(run_ids) and skipped.status = 'skipped'
            group by skipped.cause_result_id
        )

        select
            coalesce(
                array_agg(
                    row(
                        located.result_id, located.run_id, located.project_id,
                        located.environment_id, located.test_case_id, located.class,
                        located.location, normalized.message,
                        private.failure_fingerprint(
                            located.class, located.location, normalized.message
                        ),
                        located.example, located.queued_at, located.seen_at,
                        coalesce(skips.skipped_count, 0), null
                    )::private.found_failure
                ), '{}'
            )
        from located
        inner join normalized on normalized.said = located.said
        left join skips on skips.cause_result_id = located.result_id
    );
end;
$function$;
comment on function private.find_failures(uuid[]) is
'What failed or ended in error in runs and is not filed yet, each told by class and fingerprint.';

create function private.bound_failures(filed private.found_failure[])
returns private.found_failure[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        with fresh as (
            select
                given.project_id,
                given.class,
                given.fingerprint,
                row_number() over (
                    partition by given.project_id, given.class
                    order by min(given.seen_at), given.fingerprint
                ) as place
            from unnest(filed) as given
            where
                not exists (
                    select
                    from public.failure_analysis as failures
                    where
                        failures.project_id = given.project_id
                        and failures.fingerprint = given.fingerprint
                )
                and not exists (
                    select
                    from private.failure_aliases as aliases
                    where
                        aliases.project_id = given.project_id
                        and aliases.fingerprint = given.fingerprint
                )
            group by given.project_id, given.class, given.fingerprint
        ),

        crowded as materialized (
            select
                fresh.project_id,
                fresh.fingerprint
            from fresh
            inner join (
                select
                    failures.project_id,
                    failures.failure_class as class,
                    count(*) as failure_count
                from public.failure_analysis as failures
                where
                    (failures.project_id, failures.failure_class)
                    in (select given.project_id, given.class from unnest(filed) as given)
                group by failures.project_id, failures.failure_class
            ) as held on held.project_id = fresh.project_id and held.class = fresh.class
            where fresh.place + held.failure_count > 200
            union
            select
                fresh.project_id,
                fresh.fingerprint
            from fresh
            where fresh.place > 200
        )

        select
            coalesce(
                array_agg(
                    case
                        when crowded.fingerprint is null then given::private.found_failure
                        else row(
                            given.result_id, given.run_id, given.project_id, given.environment_id,
                            given.test_case_id, given.class, '', '{various}',
                            private.failure_fingerprint(given.class, '', '{various}'),
                            given.example, given.queued_at, given.seen_at, given.skipped_count, null
                        )::private.found_failure
                    end
                ), '{}'
            )
        from unnest(filed) as given
        left join crowded
            on
                crowded.project_id = given.project_id
                and crowded.fingerprint = given.fingerprint
    );
end;
$function$;
comment on function private.bound_failures(private.found_failure[]) is
$comment$The same, but what would be more than the 200th cause of its class in a project
is {various}.

An API that answers with a text of its own each time would fill the table otherwise, and each night
all of a class are compared.$comment$;
