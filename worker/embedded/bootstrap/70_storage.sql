-- Schema storage as far as migrations name it: buckets and objects, without the service behind
-- them. The tables belong to the role through which postgres may write policies (10_roles.sql).
create schema storage authorization supabase_admin;
grant usage on schema storage to postgres with grant option;
grant usage on schema storage to anon, authenticated, service_role;
grant all on schema storage to supabase_storage_admin, dashboard_user;
alter default privileges for role postgres in schema storage
grant all on tables to anon, authenticated, service_role, postgres;
alter default privileges for role postgres in schema storage
grant all on sequences to anon, authenticated, service_role, postgres;
alter default privileges for role postgres in schema storage
grant all on functions to anon, authenticated, service_role, postgres;

create table storage.buckets (
    id text primary key,
    name text not null,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    public boolean default false,
    avif_autodetection boolean default false,
    file_size_limit bigint,
    allowed_mime_types text[],
    owner_id text
);
create unique index bname on storage.buckets (name);

create table storage.objects (
    id uuid primary key default gen_random_uuid(),
    bucket_id text constraint "objects_bucketId_fkey" references storage.buckets,
    name text,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    last_accessed_at timestamptz default now(),
    metadata jsonb,
    path_tokens text[] generated always as (string_to_array(name, '/')) stored,
    version text,
    owner_id text,
    user_metadata jsonb
);
create unique index bucketid_objname on storage.objects (bucket_id, name);

alter table storage.buckets owner to platform_table_owner;
alter table storage.objects owner to platform_table_owner;
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
grant all on storage.buckets, storage.objects
to anon, authenticated, service_role, postgres, supabase_storage_admin;
