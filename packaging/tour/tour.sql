-- name: com.openexchange.tour.RebuildMailDigestsTask
-- concurrency: blocking
-- description: gives every row of tour_mail its digest and an index over it
-- precondition: SELECT COUNT(*) = 0 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'tour_mail' AND column_name = 'digest'
-- rerunnable: yes

ALTER TABLE tour_mail ADD COLUMN IF NOT EXISTS digest CHAR(128) CHARACTER SET ascii NULL;
UPDATE tour_mail SET digest = SHA2(CONCAT(id, ':', subject, ':', REPEAT(body, 20)), 512) WHERE digest IS NULL;
ALTER TABLE tour_mail ADD INDEX IF NOT EXISTS digest_index (digest(32)), ALGORITHM=COPY;
