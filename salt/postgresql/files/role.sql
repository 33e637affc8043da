-- A failing statement must not put the password into the server's log.
SET log_min_error_statement = panic;
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SELECT 'CREATE ROLE {{ name }}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{{ name }}') \gexec
ALTER ROLE {{ name }} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  PASSWORD '{{ password | replace("'", "''") }}';
SELECT 'CREATE DATABASE {{ name }} OWNER {{ name }}'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{{ name }}') \gexec
REVOKE ALL ON DATABASE {{ name }} FROM PUBLIC;
