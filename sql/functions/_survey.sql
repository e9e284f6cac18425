create or replace function _survey(needs text[], now timestamptz)
returns _survey
language plpgsql
volatile
as $_survey$
declare
    v_survey    _survey;
    v_noted_at  timestamptz;
begin
    -- the lanes in the order of walking, each with where its first job may be
    if cardinality(needs) = 1 then
        select
            array_agg(l.priority),
            array_agg(m.number),
            min(m.noted_at),
            exists (
                select from job as j where j.next_need = needs[1] and j.state = 'ready' and not j.parked and j.singleton_key is not null
            ),
            (select s.current_value from setting as s where s.name = 'max_lease'),
            (select s.current_value from setting as s where s.name = 'max_attempts')
        into v_survey.priority, v_survey.mark, v_noted_at, v_survey.keyed, v_survey.max_lease, v_survey.max_attempts
        from (select o.priority from lane as o where o.next_need = needs[1] group by o.priority order by o.priority) as l
        cross join lateral (
            select k.number, k.noted_at
            from mark as k
            where k.next_need = needs[1] and k.priority = l.priority
            order by k.mark_id desc
            limit 1
        ) as m;
    else
        select
            array_agg(l.next_need order by l.priority, l.next_need),
            array_agg(l.priority order by l.priority, l.next_need),
            array_agg(l.number order by l.priority, l.next_need),
            min(l.noted_at),
            (select s.current_value from setting as s where s.name = 'max_lease'),
            (select s.current_value from setting as s where s.name = 'max_attempts')
        into v_survey.next_need, v_survey.priority, v_survey.mark, v_noted_at, v_survey.max_lease, v_survey.max_attempts
        from _lanes(needs) as l;
    end if;
    v_survey.needs := needs;
    v_survey.tended := false;
    if not coalesce(v_noted_at between now - interval '20 ms' and now, false) then
        -- while this transaction has no id of its own: notes and marks want that (_work_notes, _move_marks)
        v_survey.tended := _tend_by_the_way(now);
        perform _move_marks(needs, now);
    end if;
    return v_survey;
end
$_survey$;

comment on function _survey(text[], timestamptz) is
    'What a claim has to know before it looks: the lanes of its needs, and from which number on they can hold ready jobs; whether one need has heads of '
    'singleton keys; two settings. Does the upkeep that is due by the way.';
