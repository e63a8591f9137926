-- The configuration database: servers, databases, file stores, and where each context lives.
-- Run by initconfigdb on an empty database. Columns are those of the original's configdb.sql; the
-- last section holds the counters and row locks that the original's server adds by itself.

CREATE TABLE configdb_sequence (
  id INT UNSIGNED NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO configdb_sequence (id) VALUES (0);

CREATE TABLE db_pool (
  db_pool_id INT UNSIGNED NOT NULL,
  url VARCHAR(255) NOT NULL,
  driver VARCHAR(128) NOT NULL,
  login VARCHAR(128) NOT NULL,
  password VARCHAR(128) NOT NULL,
  hardlimit INT,
  max INT,
  initial INT,
  name VARCHAR(128) NOT NULL,
  PRIMARY KEY (db_pool_id),
  KEY name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE db_cluster (
  cluster_id INT UNSIGNED NOT NULL,
  read_db_pool_id INT UNSIGNED NOT NULL,
  write_db_pool_id INT UNSIGNED NOT NULL,
  weight INT UNSIGNED,
  max_units INT,
  PRIMARY KEY (cluster_id),
  FOREIGN KEY (write_db_pool_id) REFERENCES db_pool (db_pool_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE reason_text (
  id INT UNSIGNED NOT NULL,
  text VARCHAR(255) NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE context (
  cid INT UNSIGNED NOT NULL,
  name VARCHAR(128) NOT NULL,
  enabled BOOLEAN,
  reason_id INT UNSIGNED,
  filestore_id INT UNSIGNED,
  filestore_name VARCHAR(32),
  filestore_login VARCHAR(32),
  filestore_passwd VARCHAR(32),
  quota_max BIGINT,
  PRIMARY KEY (cid),
  KEY filestore_id (filestore_id),
  UNIQUE KEY context_name_unique (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE filestore (
  id INT UNSIGNED NOT NULL,
  uri VARCHAR(255) NOT NULL,
  size BIGINT UNSIGNED NOT NULL,
  max_context INT,
  PRIMARY KEY (id),
  KEY max_context (max_context),
  UNIQUE KEY filestore_uri_unique (uri)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE filestore2user (
  cid INT UNSIGNED NOT NULL,
  user INT UNSIGNED NOT NULL,
  filestore_id INT UNSIGNED NOT NULL,
  PRIMARY KEY (cid, user, filestore_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE server (
  server_id INT UNSIGNED NOT NULL,
  name VARCHAR(255) NOT NULL,
  PRIMARY KEY (server_id),
  UNIQUE KEY server_name_unique (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE login2context (
  cid INT UNSIGNED NOT NULL,
  login_info VARCHAR(255) NOT NULL,
  PRIMARY KEY (login_info),
  FOREIGN KEY (cid) REFERENCES context (cid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE context_server2db_pool (
  server_id INT UNSIGNED NOT NULL,
  cid INT UNSIGNED NOT NULL,
  read_db_pool_id INT UNSIGNED NOT NULL,
  write_db_pool_id INT UNSIGNED NOT NULL,
  db_schema VARCHAR(32) NOT NULL,
  PRIMARY KEY (cid, server_id),
  KEY write_db_pool_id (write_db_pool_id),
  KEY server_id (server_id),
  KEY db_schema (db_schema),
  KEY poolAndSchema (write_db_pool_id, db_schema),
  FOREIGN KEY (cid) REFERENCES context (cid) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE context2push_registration (
  cid INT UNSIGNED NOT NULL,
  PRIMARY KEY (cid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE replicationMonitor (
  cid INT UNSIGNED NOT NULL,
  transaction BIGINT NOT NULL,
  PRIMARY KEY (cid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO replicationMonitor (cid, transaction) VALUES (0, 0);

CREATE TABLE advertisement_mapping (
  reseller VARCHAR(128) NOT NULL,
  package VARCHAR(128) NOT NULL,
  configId INT NOT NULL,
  PRIMARY KEY (reseller, package)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE advertisement_config (
  configId INT NOT NULL AUTO_INCREMENT,
  config TEXT NOT NULL,
  PRIMARY KEY (configId)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Counters, and rows that are locked while a counter changes.

CREATE TABLE contexts_per_dbpool (
  db_pool_id INT UNSIGNED NOT NULL,
  count INT UNSIGNED NOT NULL,
  PRIMARY KEY (db_pool_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE dbpool_lock (
  db_pool_id INT UNSIGNED NOT NULL,
  PRIMARY KEY (db_pool_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE contexts_per_dbschema (
  db_pool_id INT UNSIGNED NOT NULL,
  schemaname VARCHAR(32) NOT NULL,
  count INT UNSIGNED NOT NULL,
  creating_date BIGINT NOT NULL,
  PRIMARY KEY (db_pool_id, schemaname)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE dbschema_lock (
  db_pool_id INT UNSIGNED NOT NULL,
  schemaname VARCHAR(32) NOT NULL,
  PRIMARY KEY (db_pool_id, schemaname)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE contexts_per_filestore (
  filestore_id INT UNSIGNED NOT NULL,
  count INT UNSIGNED NOT NULL,
  PRIMARY KEY (filestore_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
