-- A claim of a job that waited for many others checks sizes before it builds their results, so that no job can make the claim fail.

begin;
select plan(5);
\ir ../include/support.sql

create function pg_temp.gathers(need text, n integer, result jsonb) returns void language plpgsql as $gathers$
declare
    v_ids constant uuid[] := array(select gen_random_uuid() from generate_series(1, n));
begin
    perform submit('many', job_id => u.id) from unnest(v_ids) as u (id);
    perform submit(need, wait_for => v_ids);
    perform complete_unheld(u.id, 'test') from unnest(v_ids) as u (id);
    update archive as a set result = gathers.result where a.job_id = any (v_ids);
    perform pg_temp.notes_are_old();
    perform sweep();
end
$gathers$;
create function pg_temp.claimed(need text) returns text language sql as $claimed$
    select coalesce(max(w.results_truncated::text || ' ' || (select count(*) from jsonb_object_keys(w.results))), 'nothing')
    from get_work('worker', array[need]) as w;
$claimed$;
select pg_temp.gathers('wide', 300, to_jsonb(repeat('x', 1000000))) \gset
select is(pg_temp.claimed('wide'), 'true 0', '300 results of a megabyte, more than one value can hold, are truncated');
select pg_temp.gathers('compressed', 3, to_jsonb(repeat('x', 30000))) \gset
select is(pg_temp.claimed('compressed'), 'true 0', '90 kB that are stored as two are too many: the length of the text counts');
select pg_temp.gathers('random', 3, (select jsonb_agg(random()) from generate_series(1, 10000))) \gset
select is(pg_temp.claimed('random'), 'true 0', 'half a megabyte that cannot be compressed is too much');
select pg_temp.gathers('fits', 3, to_jsonb(repeat('x', 21800))) \gset
select is(pg_temp.claimed('fits'), 'false 3', 'results of just below 64 kB are in the row');
select pg_temp.gathers('numbers', 3, (select jsonb_agg(1) from generate_series(1, 7000))) \gset
select is(pg_temp.claimed('numbers'), 'false 3', 'so are results whose text is four times as long as what is stored');

select * from finish();
rollback;
