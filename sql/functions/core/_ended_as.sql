create or replace function _ended_as(job_id uuid)
returns text
language plpgsql
volatile
as $_ended_as$
begin
    -- one statement, one snapshot: a job that ends in between is in one of the two. Dead by its dead_reason, not by its state: that would bring in
    -- the index of all that are dead
    return coalesce(
        (select a.state from archive as a where a.job_id = _ended_as.job_id),
        (select 'dead' from only job as j where j.job_id = _ended_as.job_id and (j.failure).dead_reason is not null)
    );
end
$_ended_as$;

comment on function _ended_as(uuid) is 'How a job ended: succeeded, cancelled or dead. Null while it lives.';
