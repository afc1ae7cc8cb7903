-- pg_cron under its own name: the tables, functions and grants of version 1.6. What the platform
-- runs inside the server is run by the gateway here (worker/embedded/cron.py).
create schema cron authorization supabase_admin;
grant usage on schema cron to postgres with grant option;
alter default privileges for role supabase_admin in schema cron
grant all on tables to postgres with grant option;
alter default privileges for role supabase_admin in schema cron
grant all on sequences to postgres with grant option;
alter default privileges for role supabase_admin in schema cron
grant all on functions to postgres with grant option;

-- The values one field of a schedule allows: '*', '*/5', '1-5', '10-40/10', names, and lists.
create function cron._field_values(field text, low integer, high integer, names text[])
returns integer[]
language plpgsql
immutable
set search_path = ''
as $function$
declare
    v_values integer[] := '{}';
    v_part text;
    v_match text[];
    v_first integer;
    v_last integer;
begin
    foreach v_part in array string_to_array(lower(field), ',') loop
        -- Names count from the field's lowest value: jan is 1, sun is 0.
        for i in 1 .. cardinality(names) loop
            v_part := replace(v_part, names[i], (low + i - 1)::text);
        end loop;
        v_match := regexp_match(v_part, '^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?$');
        v_first := coalesce(v_match[1]::integer, low);
        v_last := coalesce(v_match[2]::integer, v_match[1]::integer, high);
        if v_match is null or v_match[3]::integer = 0
            or v_first < low or v_last > high or v_first > v_last
            or (v_match[3] is not null and v_match[1] is not null and v_match[2] is null) then
            return null;
        end if;
        v_values := v_values || array(
            select generate_series(v_first, v_last, coalesce(v_match[3]::integer, 1))
        );
    end loop;
    return v_values;
end;
$function$;

-- N of 'N seconds', null for a schedule of five fields.
create function cron._interval_s(schedule text)
returns integer
language sql
immutable
set search_path = ''
as $function$
    select (regexp_match(schedule, '^\s*([1-9]|[1-5]\d)\s+seconds?\s*$', 'i'))[1]::integer
$function$;

-- Whether a five-field schedule names this minute (GMT); null when it cannot be read.
create function cron._is_due(schedule text, moment timestamptz)
returns boolean
language plpgsql
immutable
set search_path = ''
as $function$
declare
    v_fields text[] := regexp_split_to_array(trim(schedule), '\s+');
    v_moment timestamp := moment at time zone 'GMT';
    v_last_day boolean := v_fields[3] = '$';
    v_minutes integer[];
    v_hours integer[];
    v_days integer[];
    v_months integer[];
    v_weekdays integer[];
    v_is_day boolean;
    v_is_weekday boolean;
begin
    if cardinality(v_fields) <> 5 then
        return null;
    end if;
    v_minutes := cron._field_values(v_fields[1], 0, 59, '{}');
    v_hours := cron._field_values(v_fields[2], 0, 23, '{}');
    v_days := case
        when v_last_day then '{}' else cron._field_values(v_fields[3], 1, 31, '{}')
    end;
    v_months := cron._field_values(
        v_fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'
    );
    v_weekdays := cron._field_values(v_fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
    if v_minutes is null or v_hours is null or v_days is null
        or v_months is null or v_weekdays is null then
        return null;
    end if;

    v_is_day := case
        when v_last_day then extract(day from v_moment + interval '1 day') = 1
        else extract(day from v_moment) = any(v_days)
    end;
    v_is_weekday := extract(dow from v_moment) = any(v_weekdays)
        or extract(isodow from v_moment) = any(v_weekdays);
    return extract(minute from v_moment) = any(v_minutes)
        and extract(hour from v_moment) = any(v_hours)
        and extract(month from v_moment) = any(v_months)
        and case
            -- cron's old rule: both days restricted means either, otherwise both must fit
            when left(v_fields[3], 1) = '*' or left(v_fields[5], 1) = '*'
                then v_is_day and v_is_weekday
            else v_is_day or v_is_weekday
        end;
end;
$function$;

create sequence cron.jobid_seq;
create table cron.job (
    jobid bigint primary key default nextval('cron.jobid_seq'),
    schedule text not null,
    command text not null,
    nodename text not null default 'localhost',
    nodeport integer not null default 5432,
    database text not null default current_database(),
    username text not null default current_user,
    active boolean not null default true,
    jobname text,
    constraint jobname_username_uniq unique (jobname, username)
);

create sequence cron.runid_seq;
create table cron.job_run_details (
    jobid bigint,
    runid bigint primary key default nextval('cron.runid_seq'),
    job_pid integer,
    database text,
    username text,
    command text,
    status text,
    return_message text,
    start_time timestamptz,
    end_time timestamptz
);

alter table cron.job enable row level security;
alter table cron.job_run_details enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);

-- How the functions below, which run as their caller, write a table the caller may only read: the
-- view's owner may, and the check option holds the row to the caller's own name.
create view cron._own_jobs as
select
    job.jobid,
    job.schedule,
    job.command,
    job.database,
    job.username,
    job.active,
    job.jobname
from cron.job
where job.username = current_user
with cascaded check option;
alter view cron._own_jobs alter column username set default current_user;

create function cron._checked_schedule(schedule text)
returns text
language plpgsql
immutable
strict
set search_path = ''
as $function$
begin
    if cron._interval_s(schedule) is null and cron._is_due(schedule, 'epoch') is null then
        raise exception 'invalid schedule: %', schedule
        using
            errcode = 'invalid_parameter_value',
            hint = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''';
    end if;
    return schedule;
end;
$function$;

create function cron._save_job(
    job_name text,
    schedule text,
    command text,
    database text,
    username text,
    active boolean
)
returns bigint
language sql
volatile
set search_path = ''
as $function$
    insert into cron._own_jobs as own_jobs
        (jobname, schedule, command, database, username, active)
    values (
        _save_job.job_name,
        cron._checked_schedule(_save_job.schedule),
        _save_job.command,
        _save_job.database,
        _save_job.username,
        _save_job.active
    )
    on conflict (jobname, username) do update set
        schedule = excluded.schedule,
        command = excluded.command,
        database = excluded.database,
        active = excluded.active
    returning own_jobs.jobid
$function$;

create function cron.schedule(job_name text, schedule text, command text)
returns bigint
language sql
volatile
set search_path = ''
as $function$
    select cron._save_job(job_name, schedule, command, current_database(), current_user, true)
$function$;

create function cron.schedule(schedule text, command text)
returns bigint
language sql
volatile
set search_path = ''
as $function$
    select cron._save_job(null, schedule, command, current_database(), current_user, true)
$function$;

create function cron.schedule_in_database(
    job_name text,
    schedule text,
    command text,
    database text,
    username text default null,
    active boolean default true
)
returns bigint
language sql
volatile
set search_path = ''
as $function$
    select cron._save_job(
        job_name, schedule, command, database, coalesce(username, current_user), active
    )
$function$;

create function cron.unschedule(job_id bigint)
returns boolean
language plpgsql
volatile
set search_path = ''
as $function$
begin
    delete from cron._own_jobs where jobid = job_id;
    if not found then
        raise exception 'could not find valid entry for job ''%''', job_id;
    end if;
    return true;
end;
$function$;

create function cron.unschedule(job_name text)
returns boolean
language plpgsql
volatile
set search_path = ''
as $function$
begin
    delete from cron._own_jobs where jobname = job_name;
    if not found then
        raise exception 'could not find valid entry for job ''%''', job_name;
    end if;
    return true;
end;
$function$;

create function cron.alter_job(
    job_id bigint,
    schedule text default null,
    command text default null,
    database text default null,
    username text default null,
    active boolean default null
)
returns void
language plpgsql
volatile
set search_path = ''
as $function$
begin
    update cron._own_jobs
    set
        schedule = coalesce(
            cron._checked_schedule(alter_job.schedule), _own_jobs.schedule
        ),
        command = coalesce(alter_job.command, _own_jobs.command),
        database = coalesce(alter_job.database, _own_jobs.database),
        username = coalesce(alter_job.username, _own_jobs.username),
        active = coalesce(alter_job.active, _own_jobs.active)
    where _own_jobs.jobid = job_id;
    if not found then
        raise exception 'Job % does not exist or you don''t own it', job_id;
    end if;
end;
$function$;

revoke all on cron.job from postgres;
grant select on cron.job to postgres with grant option;
grant select on cron.job to public;
revoke trigger on cron.job_run_details from postgres;
grant select, delete on cron.job_run_details to public;
grant select, insert, update, delete on cron._own_jobs to public;
revoke all on function
cron.alter_job(bigint, text, text, text, text, boolean),
cron.schedule_in_database(text, text, text, text, text, boolean)
from public;

select pg_temp.register_extension('pg_cron', '1.6.4', 'pg_catalog');
