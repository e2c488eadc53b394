#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include <async/strand.hpp>

namespace mesh {

/// Takes items to the strand, in their order; all that come before the strand has its turn go in
/// one step, since each costs more than most items do. What waits holds on to the owner, which is
/// let go of on the strand. Shared, as who pushes an item may do so in the owner's last moment.
template <typename Owner, typename Item>
class StrandBatch : public std::enable_shared_from_this<StrandBatch<Owner, Item>> {
 public:
  /// `take` is called on the strand.
  StrandBatch(Strand strand, void (*take)(Owner& owner, Item&& item))
      : strand_(std::move(strand)), take_(take) {}
  StrandBatch(const StrandBatch&) = delete;
  StrandBatch& operator=(const StrandBatch&) = delete;

  /// From any thread. The owner is the same each time.
  void push(std::shared_ptr<Owner> owner, Item&& item) {
    const std::lock_guard lock(mutex_);
    if (next_ != nullptr) {
      next_->items.push_back(std::move(item));
      owner.reset();  // not the last reference, as this turn cannot begin now
      return;
    }
    auto turn = std::make_unique<Turn>(this->shared_from_this(), std::move(owner));
    turn->items.swap(spare_);
    turn->items.push_back(std::move(item));
    next_ = turn.get();
    // Under the lock: what others post afterwards must come after all that is in this turn.
    post(std::move(turn));
  }

 private:
  /// Owned by what was posted, so that it goes with the strand where that does not run any more.
  struct Turn {
    Turn(std::shared_ptr<StrandBatch> batch_, std::shared_ptr<Owner> owner_)
        : batch(std::move(batch_)), owner(std::move(owner_)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      close();
      items.clear();
      const std::lock_guard lock(batch->mutex_);
      if (items.capacity() <= most_spare_items) batch->spare_.swap(items);
    }

    /// Nothing is added any more.
    void close() {
      const std::lock_guard lock(batch->mutex_);
      if (batch->next_ == this) batch->next_ = nullptr;
    }

    std::shared_ptr<StrandBatch> batch;
    std::shared_ptr<Owner> owner;
    std::vector<Item> items;
    std::size_t taken = 0;
  };

  static constexpr std::size_t most_spare_items = 1024;

  void post(std::unique_ptr<Turn> turn) {
    asio::post(strand_, [turn = std::move(turn)]() mutable { run(std::move(turn)); });
  }

  // An item that throws does not take the others with it.
  static void run(std::unique_ptr<Turn> turn) {
    turn->close();
    try {
      while (turn->taken < turn->items.size()) {
        turn->batch->take_(*turn->owner, std::move(turn->items[turn->taken++]));
      }
    } catch (...) {
      StrandBatch& batch = *turn->batch;
      batch.post(std::move(turn));
      throw;
    }
  }

  Strand strand_;
  void (*take_)(Owner& owner, Item&& item);
  // Recursive, as a context that ends destroys a turn while it is posted.
  std::recursive_mutex mutex_;
  Turn* next_ = nullptr;     // which takes what comes
  std::vector<Item> spare_;  // without items, for the next turn to fill
};

}  // namespace mesh
