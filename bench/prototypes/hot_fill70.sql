-- Variant of A: room on the page for the version that the claim writes, so that it stays on its page.
-- (It is no HOT update: state is in the predicates of two indexes.)

\ir hot.sql

alter table job set (fillfactor = 70);
