-- Schemas made before release 7.8 lack the index by which users are found by an attribute
-- (key and beginning of the value). Newer ones have it from the start.
--
-- name: com.openexchange.groupware.update.tasks.sql.UserAttributeIndex
-- concurrency: background
-- description: adds attributeIndex (cid, name, value) to table user_attribute
-- precondition: SELECT COUNT(*) > 0 FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME = 'user_attribute' AND NOT EXISTS (SELECT 1 FROM information_schema.STATISTICS s WHERE s.TABLE_SCHEMA = t.TABLE_SCHEMA AND s.TABLE_NAME = t.TABLE_NAME AND s.INDEX_NAME = 'attributeIndex')
-- rerunnable: yes

ALTER TABLE user_attribute ADD INDEX attributeIndex (cid, name, value(20));
