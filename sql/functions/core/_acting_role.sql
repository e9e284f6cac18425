create or replace function _acting_role()
returns text
language sql
stable
as $_acting_role$
    -- current_user is the owner inside a security definer function: the caller is his SET ROLE, or else his login
    select coalesce(nullif(current_setting('role'), 'none'), session_user)
$_acting_role$;

comment on function _acting_role() is 'The acting role: the caller''s SET ROLE, or else session_user.';
