create or replace function _survey(capabilities text[], now timestamptz)
returns _survey
language plpgsql
volatile
as $_survey$
declare
    v_survey    _survey;
    v_fresh     boolean;
    v_seen      bigint;
begin
    if cardinality(capabilities) > 1 or right(capabilities[1], 1) = '%' then
        return _survey_scope(capabilities, now);
    end if;
    v_survey.tended := false;
    select k.noted_at between _survey.now - interval '20 ms' and _survey.now and k.fence + 50 >= pg_sequence_last_value('fence_seq') into v_fresh
    from mark as k
    where k.next_need = capabilities[1]
    order by k.mark_id desc
    limit 1;
    if v_fresh is not true then
        -- while this transaction has no id of its own: notes and marks want that (_work_notes, _move_marks)
        v_seen := _last_number();
        v_survey.tended := _tend_by_the_way(now);
        perform _move_marks(capabilities, now, v_seen);
    end if;
    -- the lanes in the order of walking, each with where its first job may be
    select
        array_agg(l.next_need order by l.priority),
        array_agg(l.priority order by l.priority),
        array_agg(coalesce(m.numbers[array_position(m.priorities, l.priority)], 0) order by l.priority)
    into v_survey.next_need, v_survey.priority, v_survey.mark
    from (select distinct o.next_need, o.priority from lane as o where o.next_need = capabilities[1]) as l
    cross join lateral (
        select k.priorities, k.numbers
        from mark as k
        where k.next_need = l.next_need
        order by k.mark_id desc
        limit 1
    ) as m;
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
$_survey$;

comment on function _survey(text[], timestamptz) is
    'What a claim has to know before it looks: the lanes of its needs, from which number on they can hold ready jobs, and in which of them heads of singleton '
    'keys are, which may be out of that order. Does the upkeep that is due by the way.';
