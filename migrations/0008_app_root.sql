-- compatible
-- Set where an SDK says that its application begins with this run, although the run has a parent.
alter table runs add column is_app_root boolean;
