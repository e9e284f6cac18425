create or replace function _plan_claim(capabilities text[], now timestamptz)
returns _claim_plan
language plpgsql
volatile
as $_plan_claim$
declare
    v_survey    _claim_plan;
begin
    if cardinality(capabilities) > 1 or right(capabilities[1], 1) = '%' then
        return _plan_scope_claim(capabilities, now);
    end if;
    v_survey.tended := _refresh_watermark(capabilities[1], now);
    -- the lanes in the order of walking, each with where its first job may be
    select
        array_agg(l.next_need order by l.priority),
        array_agg(l.priority order by l.priority),
        array_agg(coalesce(m.numbers[array_position(m.priorities, l.priority)], 0) order by l.priority)
    into v_survey.next_need, v_survey.priority, v_survey.watermark
    from (
        select distinct o.next_need, greatest(o.priority, -1 - o.priority)::smallint as priority from lane as o where o.next_need = capabilities[1]
    ) as l
    -- the newest that a move has made; one that says that a lane was opened has older marks
    left join lateral (
        select k.priorities, k.numbers
        from watermark as k
        where k.next_need = l.next_need and k.watermark_id < 4611686018427387904
        order by k.watermark_id desc
        limit 1
    ) as m on true;
    -- after the upkeep, which may have admitted some
    if (
        -- in the order of the index of heads: another one could be walked for it
        select j.number from only job as j where j.next_need = capabilities[1] and j.state = 'ready' and not j.parked and j.singleton_key is not null
        order by j.next_need, j.priority, j.number
        limit 1
    ) is not null then
        v_survey.keyed_need := v_survey.next_need;
        v_survey.keyed_priority := v_survey.priority;
    end if;
    return v_survey;
end
$_plan_claim$;

comment on function _plan_claim(text[], timestamptz) is
    'What a claim has to know before it looks: the lanes of its needs, from which number on they can hold ready jobs, and in which of them heads of singleton '
    'keys are, which may be out of that order. Does the upkeep that is due by the way.';
