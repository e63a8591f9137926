// A user as JSON arguments.
#pragma once

#include "arguments.h"
#include "user_storage.h"

namespace ox::provisioning {

NewUser readUser(Arguments& in);
UserChange readChange(Arguments& in);

}  // namespace ox::provisioning
