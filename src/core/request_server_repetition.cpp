// What becomes of a request that was received before, or may have been.
#include <core/request_server.hpp>

#include <chrono>
#include <string>

#include <core/response_text.hpp>

namespace mesh::core {

namespace {

// How long a repetition may be on its way after its caller has sent it.
constexpr std::chrono::seconds longest_delay{2};

// How often a response is tried that Redis may not be able to send.
constexpr unsigned most_deliveries = 2;

}  // namespace

// The same id again is a repetition of a request that was or is being worked on.
bool RequestServer::is_repetition(const wire::Request& request) {
  const RequestId& id = request.request_id;
  if (const auto answered = answered_.find(id)) {
    // Of one whose cancel came first, this is the first that comes.
    const bool came_late =
        answered->fate == AnsweredRequests::Fate::never_wanted && !request.repeat;
    if (!came_late) ++counters_.requests_repeated;
    answer_repetition(request, *answered);
    return true;
  }
  if (Job* const job = jobs_.find(id)) {
    ++counters_.requests_repeated;
    if (request.repeat && !job->is_cancelled) {
      // The caller may have another id by now, and may have missed a heartbeat.
      job->caller = caller_of(request);
      send_heartbeat(job->caller, id, job->call->timeout, Clock::now());
    }
    return true;
  }
  if (WaitingRequest* const waiting = waiting_.find(id)) {
    ++counters_.requests_repeated;
    if (request.repeat) {
      waiting->request.sender = request.sender;
      send_heartbeat(caller_of(request), id, waiting->timeout, Clock::now());
    }
    return true;
  }
  if (!request.repeat) return false;
  // A caller gives up when it has heard nothing for its timeout, and what it heard last may have
  // waited for as long. So an answer to it would have been sent within this time.
  const auto window = 2 * Clock::duration(timeout_of(request)) + longest_delay;
  if (!answered_.may_have_forgotten_within(window)) return false;
  refuse(request, refusal(Refusal::unknown,
                          "the request was repeated, and whether it ran before is no longer known "
                          "(MeshLimits::remembered_requests)",
                          Executed::maybe));
  return true;
}

void RequestServer::answer_repetition(const wire::Request& request,
                                      const AnsweredRequests::Answered& answered) {
  using Fate = AnsweredRequests::Fate;
  const bool is_unwanted = answered.fate == Fate::cancelled || answered.fate == Fate::never_wanted;
  if (!request.repeat || is_unwanted) return;
  const unsigned deliveries = answered.deliveries ? *answered.deliveries : 0;
  if (deliveries >= most_deliveries || (deliveries > 0 && !answered.response)) {
    // Once more would only cost the caller its connection again, and all that is on it.
    refuse(request,
           describe_lost_response(answered.size, deliveries, answered.response.has_value()));
  } else if (answered.response) {
    send(caller_of(request), Answer::Kind::response, std::string(*answered.response),
         timeout_of(request), Clock::now(), answered.deliveries);
  } else if (answered.fate == Fate::refused) {
    refuse(request, refusal(Refusal::refused,
                            "the request was not run, for a reason that is no longer "
                            "kept (MeshLimits::remembered_bytes)"));
  } else {
    refuse(request, {"the request ran, and its response is no longer kept "
                     "(MeshLimits::remembered_bytes)",
                     "unknown"});
  }
}

}  // namespace mesh::core
