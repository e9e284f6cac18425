create or replace function _acting_role()
returns text
language sql
stable
as $_acting_role$
    -- Inside a security definer function current_user is the owner. The caller is its SET ROLE, or else its login.
    select coalesce(nullif(current_setting('role'), 'none'), session_user)
$_acting_role$;

comment on function _acting_role() is 'Returns the role the caller acts as: its SET ROLE, or else session_user.';
