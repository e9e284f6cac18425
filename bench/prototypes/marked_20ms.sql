-- Variant of C: a note every 20 ms instead of every 100. The mark trails the head of the queue by the age of a
-- note and the time until its pair has come true, and a claim reads whatever died in between.

\ir marked.sql

create or replace function _note_age()
returns interval language sql immutable as $_note_age$
    select interval '20 ms';
$_note_age$;
