-- Built by `oxywatch grafana build`; change grafana/provisioning.py instead.
-- Run as the owner of the records' database, after its migration; safe to repeat. Then set a password:
--   ALTER ROLE oxywatch_grafana PASSWORD '...';
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'oxywatch_grafana') THEN
    CREATE ROLE oxywatch_grafana LOGIN;
  END IF;
END $$;
ALTER ROLE oxywatch_grafana SET default_transaction_read_only = on;
ALTER ROLE oxywatch_grafana SET statement_timeout = '30s';
GRANT USAGE ON SCHEMA public TO oxywatch_grafana;
GRANT SELECT ON grafana_alarm, grafana_delivery TO oxywatch_grafana;
