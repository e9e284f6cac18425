create or replace function _actor()
returns text
language sql
stable
as $_actor$
    -- current_user is the owner inside a security definer function: the caller is his SET ROLE, or else his login
    select coalesce(nullif(current_setting('role'), 'none'), session_user)
$_actor$;

comment on function _actor() is 'The acting role: the caller''s SET ROLE, or else session_user.';
