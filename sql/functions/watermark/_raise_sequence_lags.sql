create or replace function _raise_sequence_lags(name text)
returns void
language plpgsql
volatile
as $_raise_sequence_lags$
begin
    raise exception 'sequence % lags behind the rows that it numbered', name
        using errcode = 'LH009',
              detail = jsonb_build_object('sequence', name)::text,
              hint = 'Tables were replicated or restored here without their sequences. Run leasehold.sql again, which '
                  'sets the sequences. No job is lost.';
end
$_raise_sequence_lags$;

comment on function _raise_sequence_lags(text) is
    'Raises LH009, because a claim that continued would never find jobs whose numbers are below a watermark.';
