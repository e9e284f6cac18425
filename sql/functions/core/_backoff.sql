create or replace function _backoff(retry jsonb, attempt integer)
returns interval
language plpgsql
volatile
-- A leading minus sign has another meaning under another style.
set intervalstyle to postgres
as $_backoff$
declare
    v_policy        jsonb := coalesce(retry, _setting_value('retry')::jsonb);
    v_initial       interval := _duration(coalesce(v_policy ->> 'initial', '1 minute')::interval);
    v_max           interval := _duration(coalesce(v_policy ->> 'max', '1 day')::interval);
    v_multiplier    double precision := coalesce((v_policy ->> 'multiplier')::double precision, 2);
    v_jitter        double precision := coalesce((v_policy ->> 'jitter')::double precision, 0.1);
    v_seconds       double precision := extract(epoch from v_initial);
    v_factor        double precision;
begin
    v_factor := case coalesce(v_policy ->> 'kind', 'quadratic')
        when 'quadratic' then attempt::double precision ^ 2
        -- The exponent is capped, because a float would overflow. e^100 seconds exceed every max.
        when 'exponential' then exp(least((attempt - 1) * ln(v_multiplier), 100))
        else 1
    end;
    v_seconds := least(v_seconds * v_factor, extract(epoch from v_max)::double precision);
    return make_interval(secs => greatest(v_seconds * (1 + v_jitter * (2 * random() - 1)), 0));
end
$_backoff$;

comment on function _backoff(jsonb, integer) is
    'How long a job waits after the given number of attempts: initial * attempt ^ 2 (quadratic), initial * multiplier '
    '^ (attempt - 1) (exponential) or initial (fixed). The result is at most max, varied at random by jitter.';
