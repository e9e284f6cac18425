create or replace function _answer_not_extended(job_id uuid, lease_id uuid)
returns extended
language plpgsql
volatile
as $_answer_not_extended$
declare
    v_stopped   boolean;
    v_answer    extended := (job_id, lease_id, false, null, null, null, null, null)::extended;
begin
    select j.cancel_requested into v_stopped
    from leased as j
    where j.job_id = _answer_not_extended.job_id and j.lease_id = _answer_not_extended.lease_id;
    if not found then
        perform _replay_or_raise(job_id, lease_id, 'extend');
    elsif v_stopped then
        perform _raise_cancel_requested(job_id, lease_id);
    end if;
    v_answer.error_code := '55P03';
    v_answer.message := 'the job is locked by a transaction';
    v_answer.hint := 'The lease is not lost. Try again later.';
    return v_answer;
exception
    when sqlstate 'LH001' or sqlstate 'LH002' or sqlstate 'LH003' or sqlstate 'LH007' or sqlstate 'LH008' then
        get stacked diagnostics
            v_answer.error_code = returned_sqlstate,
            v_answer.message = message_text,
            v_answer.detail = pg_exception_detail,
            v_answer.hint = pg_exception_hint;
        return v_answer;
end
$_answer_not_extended$;

comment on function _answer_not_extended(uuid, uuid) is
    'The answer of extend_many for a lease that it did not extend: the code, message, detail and hint of the reason.';
