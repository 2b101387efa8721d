#pragma once

struct nghttp2_session;

namespace millrace::net {

class Http2Session;
struct HttpServerLimits;

// A server session of nghttp2 that calls `owner`, with our settings queued to be sent.
nghttp2_session* MakeNghttp2Session(Http2Session& owner, const HttpServerLimits& limits);

}  // namespace millrace::net
