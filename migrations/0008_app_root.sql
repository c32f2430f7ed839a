-- compatible
-- Set where an SDK says that a run with a parent is where its application begins.
alter table runs add column is_app_root boolean;
