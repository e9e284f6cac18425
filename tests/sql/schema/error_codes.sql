-- error_codes: the one list of all SQLSTATEs that Leasehold raises. house_rules.sql tests that each of them is raised, and no other.

begin;
select plan(5);

select results_eq(
    'select code, name from error_codes() order by code',
    $$
        values
        ('LH001', 'lease_expired'),
        ('LH002', 'lease_mismatch'),
        ('LH003', 'job_not_found'),
        ('LH004', 'dependency_violation'),
        ('LH005', 'job_exists'),
        ('LH006', 'idempotency_conflict'),
        ('LH007', 'job_cancelled'),
        ('LH008', 'job_finished'),
        ('LH009', 'invalid_state'),
        ('LH010', 'invalid_argument'),
        ('LH011', 'payload_too_large'),
        ('LH017', 'version_mismatch'),
        ('LH018', 'already_done')
    $$,
    'every code is listed under the name that design.md gives it'
);
select is_empty('select code from error_codes() group by code having count(*) > 1', 'each code is listed once');
select is_empty('select name from error_codes() group by name having count(*) > 1', 'each name is listed once');
select is_empty($$ select code from error_codes() where coalesce(description, '') = '' $$, 'each code has a description');
select is_empty($$ select name from error_codes() where name !~ '^[a-z]+(_[a-z]+)*$' $$, 'a name consists of words from which a class name can be made');

select * from finish();
rollback;
