// E-mail aliases: attributes named "alias" until 7.6, rows of user_alias since 7.8.
//
// Purpose:   the steps of three tasks of the original: copy, hand over the uuid, remove what was
//            copied. A value that user_alias cannot hold exactly (longer than 255 characters, a
//            character of four bytes, equal to another one by letters) stays an attribute and is
//            counted in the log.
// Repeated:  each looks what is there.
// Errors:    UPD-0007/0008.
#pragma once

#include "form_task.h"

namespace ox::update {

Status createAliasTable(services::UpdateContext& context);
Status copyAliases(services::UpdateContext& context);
Status copyAliasUuids(services::UpdateContext& context);
Status removeCopiedAliases(services::UpdateContext& context);

}  // namespace ox::update
