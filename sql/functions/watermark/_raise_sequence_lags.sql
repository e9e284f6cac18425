create or replace function _raise_sequence_lags(name text)
returns void
language plpgsql
volatile
as $_raise_sequence_lags$
begin
    raise exception 'sequence % lags behind what was drawn from it', name
        using errcode = 'LH009',
              detail = jsonb_build_object('sequence', name)::text,
              hint = 'Tables were replicated or restored here without their sequences. Run leasehold.sql again: it sets them. No job is lost.';
end
$_raise_sequence_lags$;

comment on function _raise_sequence_lags(text) is 'Raises LH009: a claim that went on would pass by jobs with numbers that are below a watermark, for ever.';
