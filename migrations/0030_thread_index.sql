-- compatible
-- traces_thread_environment has its columns. Apart from the migration that makes that: to drop an index waits for all who use the
-- table, some of whom would then wait for the lock under which the other was made.
drop index traces_thread;
