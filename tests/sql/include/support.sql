-- Helpers that pgTAP files share: \ir include/support.sql after `begin`. All of them live in pg_temp and end with the transaction.

-- One hash over every row of every table of the schema.
create function pg_temp.digest() returns text language plpgsql as $digest$
declare
    v_table  regclass;
    v_all    text := '';
    v_digest text;
begin
    for v_table in
        select c.oid from pg_class as c where c.relnamespace = 'leasehold'::regnamespace and c.relkind in ('r', 'p') order by c.relname
    loop
        execute format($$ select md5(coalesce(string_agg(t::text, E'\n' order by t::text), '')) from %s as t $$, v_table) into v_digest;
        v_all := v_all || v_digest;
    end loop;
    return md5(v_all);
end
$digest$;

-- One assertion: the statement raises exactly this code, with everything an error must have (a message in lower case, a DETAIL that is a JSON object,
-- a HINT), and no row of the schema has changed afterwards.
create function pg_temp.refused(statement text, code text, description text) returns text language plpgsql as $refused$
declare
    v_before  constant text := pg_temp.digest();
    v_code    text;
    v_message text;
    v_detail  text;
    v_hint    text;
    v_json    jsonb;
begin
    begin
        execute statement;
        -- raised, so that its effects are undone and spoil no later assertion
        raise exception 'not refused' using errcode = 'TAP00';
    exception
        when others then
            get stacked diagnostics
                v_code = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail, v_hint = pg_exception_hint;
    end;
    if v_code is distinct from code then
        return fail(description) || E'\n' || diag(format('%s (%s) instead of %s: %s', v_code, v_message, code, statement));
    elsif code like 'LH%' then
        begin
            v_json := v_detail;
        exception
            when others then null;
        end;
        if jsonb_typeof(v_json) is distinct from 'object' then
            return fail(description) || E'\n' || diag('DETAIL is not a JSON object: ' || v_detail);
        elsif v_hint = '' then
            return fail(description) || E'\n' || diag('no HINT: ' || v_message);
        elsif v_message ~ '^[A-Z][a-z]' or v_message ~ '[.]$' then
            return fail(description) || E'\n' || diag('not in lower case without a full stop: ' || v_message);
        end if;
    end if;
    return is(pg_temp.digest(), v_before, description);
end
$refused$;

-- One assertion: the statement succeeds, and no row of the schema has changed afterwards.
create function pg_temp.changes_nothing(statement text, description text) returns text language plpgsql as $changes_nothing$
declare
    v_before constant text := pg_temp.digest();
begin
    execute statement;
    return is(pg_temp.digest(), v_before, description);
exception
    when others then
        return fail(description) || E'\n' || diag(format('%s (%s): %s', sqlstate, sqlerrm, statement));
end
$changes_nothing$;

-- The DETAIL of the error that the statement raises; null if it raises none.
create function pg_temp.detail_of(statement text) returns jsonb language plpgsql as $detail_of$
declare
    v_detail text;
begin
    execute statement;
    return null;
exception
    when others then
        get stacked diagnostics v_detail = pg_exception_detail;
        return nullif(v_detail, '')::jsonb;
end
$detail_of$;

-- A job with a need of its own, leased by worker 'w'.
create function pg_temp.leased(need text, lease interval default '60 s') returns work language sql as $leased$
    select submit(next_need => need);
    select w.* from get_work(worker_id => 'w', capabilities => array[need], lease => leased.lease) as w;
$leased$;

-- Lets the lease of this job expire a moment ago, after a length of a millisecond (the server may have been up for less than a longer one).
create function pg_temp.run_out(id uuid) returns void language sql as $run_out$
    delete from heartbeat as h where h.job_id = id;
    update job as j
    set leased_at = clock_timestamp() - interval '2 ms',
        lease_expires_at = clock_timestamp() - interval '1 ms',
        check_at = clock_timestamp() - interval '1 ms'
    where j.job_id = id and j.state = 'leased';
$run_out$;

-- Lets the available_at of this scheduled (or blocked) job be a moment ago.
create function pg_temp.is_due(id uuid) returns void language sql as $is_due$
    update job as j set available_at = clock_timestamp() - interval '1 ms' where j.job_id = id;
$is_due$;

-- Lets the expires_at of this job be a moment ago.
create function pg_temp.is_late(id uuid) returns void language sql as $is_late$
    update job as j set expires_at = clock_timestamp() - interval '1 ms' where j.job_id = id;
$is_late$;

-- Makes deferred items look like those of an earlier, committed transaction: those of this transaction are not run.
create function pg_temp.notes_are_old() returns void language sql as $notes_are_old$
    update deferred as n set written_by = '3', due_at = clock_timestamp() - interval '1 ms';
$notes_are_old$;

create function pg_temp.state(id uuid) returns text language sql as $state$
    select (job(job_id => id)).state;
$state$;

-- The nth plain id, which is easy to write and to read.
create function pg_temp.id(n integer) returns uuid language sql immutable as $id$
    select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid;
$id$;

-- The answer of the statement (its first column, as text), or else the code that it raises: for an answer that a bug would turn into an error.
create function pg_temp.said(statement text) returns text language plpgsql as $said$
declare
    v_answer text;
begin
    execute format('select (a.*)::text from (%s) as a', statement) into v_answer;
    return trim(both '()' from v_answer);
exception
    when others then
        return sqlstate || ': ' || sqlerrm;
end
$said$;
