-- error_codes: the one list of every SQLSTATE that Leasehold raises. That each is raised, and no other: house_rules.sql.

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
    'every code of what exists now, by the name that design.md gives it'
);
select is_empty('select code from error_codes() group by code having count(*) > 1', 'each code once');
select is_empty('select name from error_codes() group by name having count(*) > 1', 'each name once');
select is_empty($$ select code from error_codes() where coalesce(description, '') = '' $$, 'each with a description');
select is_empty($$ select name from error_codes() where name !~ '^[a-z]+(_[a-z]+)*$' $$, 'names are words that a class can be made of');

select * from finish();
rollback;
