-- Where secrets may go: hosts and their patterns, and what is known of each secret but its value.
-- Depends on: environments, problems. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.address_of(url text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- What is not plain here (a user, an escape, a sign beyond ASCII, a backslash) is an address on
    -- which two readers of URLs may differ: it has none.
    v_parts text[] := regexp_match(
        url, '^(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:[/?#]|$)'
    );
begin
    return rtrim(lower(v_parts[2]), '.') || ':'
        || coalesce(
            v_parts[3]::integer::text, case v_parts[1] when 'http' then '80' else '443' end
        );
end;
$function$;
comment on function private.address_of(text) is
$comment$Host and port that a request for a URL goes to, as example.com:443; null where they are not
written plainly.

Of a name all but the trailing dot counts, in lower case; an address is compared as it is written.
Source: RFC 3986, section 3.2.$comment$;

create function private.without_port(address text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when right(address, 4) = ':443' then left(address, -4)
        when right(address, 3) = ':80' then left(address, -3)
        else address
    end;
end;
$function$;
comment on function private.without_port(text) is
$comment$An address without its port if that is one of the two of the web: how a pattern names both,
and any other address as it is.$comment$;

create function private.may_go_to(address text, allowed_hosts text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_pattern text;
    v_suffix text;
    v_host text := private.without_port(address);
begin
    if address = any(allowed_hosts) or v_host = any(allowed_hosts) then
        return true;
    end if;
    foreach v_pattern in array allowed_hosts loop
        continue when v_pattern not like '*%';
        v_suffix := substr(v_pattern, 2);
        if
            right(address, length(v_suffix)) = v_suffix
            or right(v_host, length(v_suffix)) = v_suffix
        then
            return true;
        end if;
    end loop;
    return false;
end;
$function$;
comment on function private.may_go_to(text, text[]) is
$comment$May a secret with these allowed_hosts be sent to an address? Null address: null.

allowed_hosts: host, host:port or *.domain, as private.host_patterns gives them. *.example.com is
every name below example.com, not that name itself.$comment$;

create function private.host_patterns(given text[])
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_patterns text[] := array(
        select distinct regexp_replace(lower(btrim(entries.host)), '\.(:[0-9]+)?$', '\1') as pattern
        from unnest(given) as entries (host)
        order by pattern
    );
    v_wrong text := (
        select coalesce(entries.pattern, 'null')
        from unnest(v_patterns) as entries (pattern)
        where (
            entries.pattern ~ '^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*(:[0-9]{1,5})?$'
            or entries.pattern ~ '^\[[0-9a-f:.]+\](:[0-9]{1,5})?$'
        ) is not true
        -- *.com, and below an address there is nothing
        or entries.pattern ~ '^\*\.[^.]+$' or entries.pattern ~ '^\*\..*\.[0-9]+(:[0-9]+)?$'
        order by entries.pattern
        limit 1
    );
begin
    if given is null then
        return null;
    end if;
    if v_wrong is not null or cardinality(v_patterns) > 100 then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                case
                    when v_wrong is null then 'a secret has at most 100 allowed hosts'
                    else format('"%s" is no host that a secret could be allowed to go to', v_wrong)
                end
            ),
            detail = 'malformed_hosts',
            hint = 'Write api.example.com, api.example.com:8443, *.example.com or [::1]:8080; '
                || 'no scheme, no path, and names beyond ASCII as xn--....';
    end if;
    return v_patterns;
end;
$function$;
comment on function private.host_patterns(text[]) is
$comment$Patterns of hosts as they are stored: lower case, each once; null for null. Errors: PT400
malformed_hosts.$comment$;

create function private.narrow_hosts(one text[], other text[])
returns text[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    -- two patterns have nothing in common unless one covers the other
    select coalesce(array_agg(distinct both_ways.pattern order by both_ways.pattern), '{}')
    from (
        select ones.pattern
        from unnest(one) as ones (pattern)
        where ones.pattern = any(other) or private.may_go_to(ltrim(ones.pattern, '*'), other)
        union all
        select others.pattern
        from unnest(other) as others (pattern)
        where private.may_go_to(ltrim(others.pattern, '*'), one)
    ) as both_ways;
$function$;
comment on function private.narrow_hosts(text[], text[]) is
'The hosts that two lists of patterns both allow, as patterns.';

create function private.common_hosts(lists jsonb)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_list jsonb;
    v_hosts text[];
    v_common text[];
begin
    for v_list in select entries.list from jsonb_array_elements(lists) as entries (list) loop
        v_hosts := array(select jsonb_array_elements_text(v_list));
        v_common := case
            when v_common is null or v_common = v_hosts then v_hosts
            else private.narrow_hosts(v_common, v_hosts)
        end;
    end loop;
    return v_common;
end;
$function$;
comment on function private.common_hosts(jsonb) is
'The hosts that all of these lists of patterns allow, as patterns; null if there is no list.';

create table private.secrets (
    secret_id uuid primary key,
    environment_id uuid not null references public.environments on delete cascade,
    allowed_hosts text[] not null,
    changed_at timestamptz not null default now(),
    changed_by uuid,
    last_used_at timestamptz,
    retired_at timestamptz
);
comment on table private.secrets is
$comment$What is known of each secret of an environment but its name and its value.

Retired ones no new run gets; they are kept in Vault while runs that were queued before may use them
and must have them redacted.$comment$;
comment on column private.secrets.secret_id is
'vault.secrets.id; the entry there goes with the row.';
comment on column private.secrets.environment_id is 'The environment it belongs to.';
comment on column private.secrets.allowed_hosts is
'Where requests may carry it to, as private.may_go_to reads it; empty = nowhere.';
comment on column private.secrets.changed_at is
'When its value or its hosts were last set.';
comment on column private.secrets.changed_by is
'auth.users.id of who did that; null = by a key, or from the database.';
comment on column private.secrets.last_used_at is
'When a request that carries it was last handed out, to the minute; null = never.';
comment on column private.secrets.retired_at is
'When it was rotated, deleted or given another value; null = new runs get it.';
create index secrets_environment_id_idx on private.secrets (environment_id);
alter table private.secrets enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.secrets for select to public using (false);

create trigger t500_delete_vault_secret
after delete on private.secrets
for each row execute function private.delete_vault_secret();
