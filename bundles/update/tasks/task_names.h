// Names of the tasks. A name is an identity for ever: it stands in updateTask of every schema, in
// lists of excluded tasks and in dependencies.
//
// source: class names of the original; the two at the end are ours, because the original's are not
//         known.
#pragma once

namespace ox::update::names {

inline constexpr const char* kAddUUIDForUpdateTaskTable =
    "com.openexchange.groupware.update.tasks.AddUUIDForUpdateTaskTable";
inline constexpr const char* kDropDuplicateEntryFromUpdateTaskTable =
    "com.openexchange.groupware.update.tasks.DropDuplicateEntryFromUpdateTaskTable";
inline constexpr const char* kMakeUUIDPrimaryForUpdateTaskTable =
    "com.openexchange.groupware.update.tasks.MakeUUIDPrimaryForUpdateTaskTable";
inline constexpr const char* kDropVersionTableTask =
    "com.openexchange.groupware.update.tasks.DropVersionTableTask";
inline constexpr const char* kAllowTextInValuesOfDynamicUserAttributesTask =
    "com.openexchange.groupware.update.tasks.AllowTextInValuesOfDynamicUserAttributesTask";
inline constexpr const char* kAddUUIDForUserAttributeTable =
    "com.openexchange.groupware.update.tasks.AddUUIDForUserAttributeTable";
inline constexpr const char* kMigrateAliasUpdateTask =
    "com.openexchange.groupware.update.tasks.MigrateAliasUpdateTask";
inline constexpr const char* kMigrateUUIDsForUserAliasTable =
    "com.openexchange.groupware.update.tasks.MigrateUUIDsForUserAliasTable";
inline constexpr const char* kRemoveAliasInUserAttributesTable =
    "com.openexchange.groupware.update.tasks.RemoveAliasInUserAttributesTable";
inline constexpr const char* kChangePrimaryKeyForUserAttribute =
    "com.openexchange.groupware.update.tasks.ChangePrimaryKeyForUserAttribute";
inline constexpr const char* kUserAddGuestCreatedByTask =
    "com.openexchange.groupware.update.tasks.UserAddGuestCreatedByTask";
inline constexpr const char* kAddFilestoreColumnsToUserTable =
    "com.openexchange.filestore.impl.groupware.AddFilestoreColumnsToUserTable";
inline constexpr const char* kAddFilestoreOwnerColumnToUserTable =
    "com.openexchange.filestore.impl.groupware.AddFilestoreOwnerColumnToUserTable";
inline constexpr const char* kMakeQuotaMaxConsistentInUserTable =
    "com.openexchange.filestore.impl.groupware.MakeQuotaMaxConsistentInUserTable";
inline constexpr const char* kAddUserSaltColumnTask =
    "com.openexchange.groupware.update.tasks.AddUserSaltColumnTask";
inline constexpr const char* kAddUserColumnToFilestoreUsageTable =
    "com.openexchange.filestore.impl.groupware.AddUserColumnToFilestoreUsageTable";
inline constexpr const char* kUserAddMailIndexTask =
    "com.openexchange.groupware.update.tasks.UserAddMailIndexTask";
inline constexpr const char* kAddGuestCreatedByIndexForUserTable =
    "com.openexchange.groupware.update.tasks.AddGuestCreatedByIndexForUserTable";
inline constexpr const char* kEnlargeResourceDescription =
    "com.openexchange.groupware.update.tasks.EnlargeResourceDescription";
inline constexpr const char* kAllowTextInValuesOfDynamicContextAttributesTask =
    "com.openexchange.groupware.update.tasks.AllowTextInValuesOfDynamicContextAttributesTask";
inline constexpr const char* kLdapConvertUtf8ToUtf8mb4Task =
    "com.openexchange.groupware.update.tasks.LdapConvertUtf8ToUtf8mb4Task";
inline constexpr const char* kAdminTablesUtf8Mb4UpdateTask =
    "com.openexchange.groupware.update.tasks.AdminTablesUtf8Mb4UpdateTask";
inline constexpr const char* kContextAttributeConvertUtf8ToUtf8mb4Task =
    "com.openexchange.groupware.update.tasks.ContextAttributeConvertUtf8ToUtf8mb4Task";
inline constexpr const char* kSettingsConvertUtf8ToUtf8mb4Task =
    "com.openexchange.groupware.update.tasks.SettingsConvertUtf8ToUtf8mb4Task";
inline constexpr const char* kSequenceTablesUtf8Mb4UpdateTask =
    "com.openexchange.groupware.update.tasks.SequenceTablesUtf8Mb4UpdateTask";

inline constexpr const char* kMakeNamePrimaryForContextAttributeTable =
    "com.openexchange.groupware.update.tasks.MakeNamePrimaryForContextAttributeTable";
inline constexpr const char* kFilestoreUsageConvertUtf8ToUtf8mb4Task =
    "com.openexchange.filestore.impl.groupware.FilestoreUsageConvertUtf8ToUtf8mb4Task";

}  // namespace ox::update::names
