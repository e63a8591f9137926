// Container: a named replicated state machine that lives in one partition.
//
// Purpose:   everything that is not a map (ring buffer, lock table, later queue, set, list) is one
//            class of this kind. The partition owns it, backs it up, copies, migrates and merges it
//            (partition/containers.cpp); the class only says what a request does to its state.
// Address:   (partition, name); a name is "@type:rest", at most kMaxNameBytes. Maps cannot have
//            such names. The settings of the map of that name (backup counts) are those of the container.
// Threads:   one (its shard's). Pure: time and randomness come in with the context.
// Errors:    request, delta and snapshot bytes are hostile: decoded with checks, bounded, and
//            never half applied.
// Promise:   the owner answers when all synchronous backups hold what the answer tells, also for
//            answers that change nothing; a repeated request (same operation id) is answered from memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "base/random.h"
#include "membership/cluster_view.h"
#include "types.h"

namespace ox::grid {

inline constexpr std::size_t kMaxContainerPiece = 8u << 20;  // request, delta, answer, snapshot piece

struct ContainerContext {
  std::int64_t now = 0;   // wall clock of the owner, ms since 1970
  MemberId caller;        // whose client asks
  ViewId term;            // under which the owner became owner; changes with every new owner
  bool lastTry = false;   // the caller waits no longer: parking again means a time-out
  Random* random = nullptr;
};

struct ContainerOutcome {
  Bytes reply;
  Bytes delta;                 // what backups apply; empty = nothing has changed
  std::optional<Error> error;  // instead of a reply; nothing has changed
  bool park = false;           // nothing has changed; ask again after the next change
};

class Container {
 public:
  using Present = std::function<bool(const MemberId&)>;
  using Piece = std::function<void(BytesView)>;
  virtual ~Container() = default;

  // At the owner.
  virtual ContainerOutcome apply(BytesView request, const ContainerContext& context) = 0;
  // At a backup, in the owner's order. False = undecodable: the backup asks for a full copy.
  virtual bool replay(BytesView delta) = 0;

  // The whole state as pieces of at most kMaxContainerPiece, taken in again in the same order
  // by a container fresh from the registry. False = undecodable.
  virtual void snapshot(const Piece& out) const = 0;
  virtual bool restore(BytesView piece) = 0;

  // After a split: a piece of the other side's snapshot, in order, each until it was answered;
  // a piece may come twice. The default keeps this side's state and drops the other's.
  virtual ContainerOutcome merge(BytesView, const ContainerContext&) { return {}; }

  // At the owner, the returned delta goes to the backups (empty = unchanged).
  virtual Bytes tick(const ContainerContext&) { return {}; }                  // about every 100 ms
  virtual Bytes membersChanged(const Present&, const ContainerContext&) { return {}; }

  // As good as never created: it is not copied and may be dropped. Must depend on the state alone.
  virtual bool empty() const = 0;
  virtual std::size_t bytes() const = 0;  // of memory, about
};

}  // namespace ox::grid
