-- Run at every start, after the newest schema is there and deploy/grafana/records-reader.sql has made the role.

\set password `cat /run/secrets/grafana_records_password`

ALTER ROLE oxywatch_grafana PASSWORD :'password' CONNECTION LIMIT 20;
GRANT CONNECT ON DATABASE oxywatch TO oxywatch_grafana;
