-- The registry's database exists; the hold has one of its own.
create database hold owner atcr;
