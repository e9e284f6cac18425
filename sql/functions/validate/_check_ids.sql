create or replace function _check_ids(job_id uuid, lease_id uuid)
returns void
language plpgsql
stable
as $_check_ids$
begin
    if job_id is null then
        perform _raise_invalid_argument('job_id', 'must not be null');
    elsif lease_id is null then
        perform _raise_invalid_argument(
            'lease_id', 'must not be null', 'Each row of get_work carries the lease_id to use.'
        );
    end if;
end
$_check_ids$;

comment on function _check_ids(uuid, uuid) is 'Raises LH010 if the call does not name both a job and a lease.';
