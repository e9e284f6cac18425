create or replace function _survey_scope(capabilities text[], now timestamptz)
returns _survey
language plpgsql
volatile
as $_survey_scope$
declare
    v_survey    _survey;
    v_front     front;
    v_fresh     boolean;
    v_keyed     boolean;
    v_seen      bigint;
begin
    v_survey.scope := _scope(capabilities);
    v_survey.capabilities := capabilities;
    v_survey.tended := false;
    select
        f.needs, f.priorities, f.numbers, f.rear_id, f.rear_priority, f.rear_number,
        _is_fresh(f.noted_at, f.surveyed_at, _survey_scope.now)
            and f.newer = array(select l.number from lane as l where l.number > f.sure_number order by l.number),
        exists (select from only job as j where j.state = 'ready' and not j.parked and j.singleton_key is not null)
    into
        v_survey.next_need, v_survey.priority, v_survey.mark, v_survey.rear_id, v_survey.rear_priority, v_survey.rear_number, v_fresh, v_keyed
    from front as f
    where f.scope = v_survey.scope
    order by f.front_id desc
    limit 1;
    if v_fresh is not true then
        -- while this transaction has no id of its own: notes and marks want that (_work_notes, _move_front)
        v_seen := _last_number();
        v_survey.tended := _tend_by_the_way(now);
        v_front := _move_front(v_survey.scope, capabilities, 0, now, v_seen);
        v_survey.next_need := v_front.needs;
        v_survey.priority := v_front.priorities;
        v_survey.mark := v_front.numbers;
        v_survey.rear_id := v_front.rear_id;
        v_survey.rear_priority := v_front.rear_priority;
        v_survey.rear_number := v_front.rear_number;
    end if;
    if v_keyed is not false or v_survey.tended then
        -- from one lane to the next that has any; they are few, or worth it
        with recursive keyed as (
            (
                select j.next_need, j.priority
                from only job as j
                where j.state = 'ready' and not j.parked and j.singleton_key is not null
                order by j.next_need, j.priority
                limit 1
            )
            union all
            select n.next_need, n.priority
            from keyed as k
            cross join lateral (
                select j.next_need, j.priority
                from only job as j
                where j.state = 'ready' and not j.parked and j.singleton_key is not null and (j.next_need, j.priority) > (k.next_need, k.priority)
                order by j.next_need, j.priority
                limit 1
            ) as n
        )
        select array_agg(k.next_need), array_agg(k.priority)
        into v_survey.keyed_need, v_survey.keyed_priority
        from keyed as k
        where exists (select from unnest(capabilities) as c (capability) where _matches(c.capability, k.next_need));
    end if;
    return v_survey;
end
$_survey_scope$;

comment on function _survey_scope(text[], timestamptz) is '_survey for capabilities that are more than one need.';
