-- Run once by the image, on an empty data folder: the owner of the records and their database.

\set password `cat /run/secrets/records_password`

CREATE ROLE oxywatch LOGIN PASSWORD :'password';
CREATE DATABASE oxywatch OWNER oxywatch TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE oxywatch FROM PUBLIC;
