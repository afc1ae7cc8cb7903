-- Handing out: leased items rendered for the worker; what must not be sent is ended.
-- Depends on: render, settle. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.refuse_unrenderable(rendered jsonb)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.finish_items(array(
        select
            row(
                items.id,
                case when bound.name is null then 'error' else 'skipped' end,
                case when bound.name is null then 'definition' else 'dependency' end,
                case
                    when bound.name is null then 'unresolved_variable'
                    when items.phase = 'teardown' then 'nothing_to_clean'
                    else 'upstream_value_missing'
                end,
                case
                    when bound.name is null then format(
                        '{{%s}} has no value: no upstream test captures it, and neither the run, '
                        || 'the fixture, the suite, the environment nor the project gives it',
                        problems.name
                    )
                    when items.phase = 'teardown' then format(
                        '{{%s}} was never captured, so there is nothing to clean up', problems.name
                    )
                    else format('"%s" captured no {{%s}}', producers.test_name, problems.name)
                end,
                coalesce(producers.cause_result_id, producers.id),
                coalesce(producers.cause_status, producers.status),
                case when bound.name is null then null else 'data' end,
                null, null, null, null
            )::private.outcome
        from jsonb_to_recordset(rendered) as problems (item bigint, name text)
        inner join private.work_items as items on items.id = problems.item
        left join lateral (
            select problems.name
            where items.bindings ? problems.name or items.phase = 'teardown'
        ) as bound on true
        left join lateral (
            select results.*
            from public.test_results as results
            where
                results.run_id = items.run_id
                and results.test_case_id = (items.bindings #>> array[problems.name, 'test'])::uuid
            order by results.row_key = items.row_key desc, results.row_index
            limit 1
        ) as producers on true
    ));
end;
$function$;
comment on function private.refuse_unrenderable(jsonb) is
'End leased items of which a name has no value: [{"item", "name"}]. No request is sent for them.';

create function private.refuse_secrets(rendered jsonb)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.finish_items(array(
        select
            row(
                items.id,
                'error',
                case problems.slug when 'secret_host_denied' then 'egress' else 'definition' end,
                problems.slug,
                problems.message,
                null, null, null, null, null, null, null
            )::private.outcome
        from jsonb_to_recordset(rendered) as problems (item bigint, slug text, message text)
        inner join private.work_items as items on items.id = problems.item
    ));
end;
$function$;
comment on function private.refuse_secrets(jsonb) is
$comment$End leased items that must not be sent with the secrets they carry: [{"item", "slug",
"message"}], see private.secret_problem. No request is sent for them.$comment$;

create function private.note_use(secret_ids uuid[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    -- to the minute, and not where another session is at it: a hot row for nothing
    update private.secrets
    set last_used_at = now()
    where secrets.secret_id in (
        select due.secret_id
        from private.secrets as due
        where
            due.secret_id = any(note_use.secret_ids)
            and (due.last_used_at is null or due.last_used_at < now() - interval '1 minute')
        for update skip locked
    );
$function$;
comment on function private.note_use(uuid[]) is 'Note that requests carried these secrets.';

create function private.hand_out(item_ids bigint[])
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_work jsonb;
    v_unresolved jsonb;
    v_refused jsonb;
    v_secret_ids uuid[];
begin
    with rendered as materialized (
        select * from private.render_items(item_ids)
    ),

    sendable as materialized (
        select * from rendered where rendered.unresolved is null and rendered.problem is null
    ),

    stored as (
        update private.work_items as items
        set request = sendable.stored_request
        from sendable
        where items.id = sendable.item_id and items.id = any(item_ids)
    )

    select
        (select coalesce(jsonb_agg(sendable.work order by sendable.place), '[]') from sendable),
        coalesce(
            jsonb_agg(jsonb_build_object('item', rendered.item_id, 'name', rendered.unresolved))
            filter (where rendered.unresolved is not null),
            '[]'
        ),
        jsonb_agg(jsonb_build_object('item', rendered.item_id) || rendered.problem)
        filter (where rendered.unresolved is null and rendered.problem is not null),
        (
            select array_agg(distinct carried.secret_id)
            from sendable
            cross join lateral unnest(sendable.secret_ids) as carried (secret_id)
        )
    into v_work, v_unresolved, v_refused, v_secret_ids
    from rendered;

    if v_unresolved <> '[]' then
        perform private.refuse_unrenderable(v_unresolved);
    end if;
    if v_refused is not null then
        perform private.refuse_secrets(v_refused);
    end if;
    if v_secret_ids is not null then
        perform private.note_use(v_secret_ids);
    end if;
    return v_work;
end;
$function$;
comment on function private.hand_out(bigint[]) is
'Render leased items for the worker; those that cannot be rendered are ended and left out.';
