#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <redis/conversation.hpp>
#include <redis/tls.hpp>

namespace mesh::redis {

class TlsContext {
 public:
  asio::ssl::context ssl{asio::ssl::context::tls_client};
  bool verifies = true;
  bool has_certificate = false;
};

namespace {

// Files -------------------------------------------------------------------------------------------

/// A file that an option names.
struct NamedFile {
  std::string option;
  std::string path;
};

[[noreturn]] void reject(const NamedFile& file, const std::string& cause) {
  throw std::runtime_error("RedisOptions::" + file.option + ", file " + file.path + ": " + cause);
}

std::string read_file(const NamedFile& file) {
  errno = 0;
  std::ifstream stream(file.path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream || stream.bad()) {
    reject(file, errno != 0 ? std::generic_category().message(errno) : "cannot be read");
  }
  return text;
}

void require(const boost::system::error_code& error, const NamedFile& file) {
  if (error) reject(file, error.message());
}

void load_authorities(asio::ssl::context& ssl, const NamedFile& file) {
  const std::string text = read_file(file);
  // Asio takes a file without any certificate for a good one.
  if (text.find("-----BEGIN") == std::string::npos) reject(file, "holds no certificate");
  boost::system::error_code error;
  ssl.add_certificate_authority(asio::buffer(text), error);
  require(error, file);
}

void load_certificate(asio::ssl::context& ssl, const NamedFile& certificate, const NamedFile& key) {
  boost::system::error_code error;
  ssl.use_certificate_chain(asio::buffer(read_file(certificate)), error);
  require(error, certificate);
  // Otherwise OpenSSL asks the terminal for the passphrase of an encrypted key.
  ssl.set_password_callback(
      [](std::size_t, asio::ssl::context::password_purpose) { return std::string(); }, error);
  ssl.use_private_key(asio::buffer(read_file(key)), asio::ssl::context::pem, error);
  require(error, key);
}

// Errors ------------------------------------------------------------------------------------------

bool is_client_certificate_alert(int reason) {
  return reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
         reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE ||
         reason == SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED ||
         reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED ||
         reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN || reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA;
}

bool is_not_tls(int reason) {
  return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
         reason == SSL_R_PACKET_LENGTH_TOO_LONG;
}

constexpr std::string_view is_it_tls = "does the server speak TLS at this port?";

std::string describe_ssl_error(const boost::system::error_code& error, bool has_certificate) {
  const std::string text = "TLS: " + error.message();
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  if (is_not_tls(reason)) return text + "; " + std::string(is_it_tls);
  const bool is_refusal = reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED ||
                          reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE;
  if (is_refusal && !has_certificate) {
    return text + "; the server wants a client certificate (RedisOptions::tls_cert)";
  }
  if (is_client_certificate_alert(reason)) {
    return text + "; the server does not accept the client certificate (RedisOptions::tls_cert)";
  }
  return text;
}

// Connection --------------------------------------------------------------------------------------

/// hiredis 0.14 has no TLS and that of 1.x is a different one, so this does the I/O itself and
/// leaves only the reading of replies to hiredis.
class TlsConnection final : public Connection, public std::enable_shared_from_this<TlsConnection> {
 public:
  TlsConnection(const Strand& strand, const Tls& tls, const Callbacks& callbacks)
      : strand_(strand),
        tls_(tls),
        stream_(asio::ip::tcp::socket(strand), tls.context->ssl),
        callbacks_(callbacks),
        conversation_(callbacks) {}

  void start(const Endpoint& endpoint);

  bool is_open() const override { return is_open_; }
  TimePoint last_read() const override { return last_read_; }
  std::string timeout_cause() const override {
    if (!is_connected_) return "no connection in time";
    return "no TLS handshake in time; " + std::string(is_it_tls);
  }

  void command(std::span<const std::string> arguments, ReplyCallback callback) override;
  void subscribe(const std::string& channel) override;
  void unsubscribe(const std::string& channel) override;
  void ping() override;
  void close() override;

 private:
  bool prepare();
  bool require_name();
  void shake_hands();
  void become_ready();
  void read();
  void handle_read(std::size_t size);
  void want_write();
  void write();
  void handle_written(const boost::system::error_code& error);
  void fail(std::string cause);
  void shut();
  std::string describe(const boost::system::error_code& error);

  Strand strand_;
  Tls tls_;
  asio::ssl::stream<asio::ip::tcp::socket> stream_;
  Callbacks callbacks_;
  Conversation conversation_;
  std::array<char, std::size_t{16} << 10U> received_{};  // one TLS record
  std::string sending_;
  TimePoint last_read_ = Clock::now();
  bool is_open_ = true;
  bool is_silenced_ = false;
  bool is_connected_ = false;
  bool is_ready_ = false;
  bool is_writing_ = false;
  bool is_flush_posted_ = false;
};

void TlsConnection::start(const Endpoint& endpoint) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(endpoint.host, error);
  if (error) return fail(error.message());
  if (!prepare()) return fail("TLS cannot check the name \"" + tls_.server_name + "\"");
  stream_.lowest_layer().async_connect(
      asio::ip::tcp::endpoint(address, endpoint.port),
      [self = shared_from_this()](const boost::system::error_code& failure) {
        if (!self->is_open_) return;
        if (failure) return self->fail(failure.message());
        self->is_connected_ = true;
        self->shake_hands();
      });
}

// An IP address is compared with the addresses in the certificate, and never sent as SNI.
bool TlsConnection::prepare() {
  SSL* const ssl = stream_.native_handle();
  boost::system::error_code is_name;
  asio::ip::make_address(tls_.server_name, is_name);
  if (is_name && SSL_set_tlsext_host_name(ssl, tls_.server_name.c_str()) != 1) return false;
  if (!tls_.context->verifies) return true;
  X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return is_name ? X509_VERIFY_PARAM_set1_host(rules, tls_.server_name.data(),
                                               tls_.server_name.size()) == 1
                 : X509_VERIFY_PARAM_set1_ip_asc(rules, tls_.server_name.c_str()) == 1;
}

void TlsConnection::shake_hands() {
  boost::system::error_code ignored;
  stream_.lowest_layer().set_option(asio::ip::tcp::no_delay(true), ignored);
  stream_.async_handshake(asio::ssl::stream_base::client,
                          [self = shared_from_this()](const boost::system::error_code& failure) {
                            if (!self->is_open_) return;
                            if (failure) return self->fail(self->describe(failure));
                            self->become_ready();
                          });
}

void TlsConnection::become_ready() {
  is_ready_ = true;
  last_read_ = Clock::now();
  read();
  want_write();
  if (callbacks_.on_connected) callbacks_.on_connected();
}

void TlsConnection::read() {
  stream_.async_read_some(
      asio::buffer(received_),
      [self = shared_from_this()](const boost::system::error_code& failure, std::size_t size) {
        if (!self->is_open_) return;
        if (failure) return self->fail(self->describe(failure));
        self->handle_read(size);
        if (self->is_open_) self->read();
      });
}

void TlsConnection::handle_read(std::size_t size) {
  last_read_ = Clock::now();
  try {
    const auto cause = conversation_.receive({received_.data(), size});
    if (cause) fail(*cause);
  } catch (const std::exception& error) {
    fail(error.what());
  }
}

void TlsConnection::want_write() {
  if (!is_ready_ || is_writing_ || is_flush_posted_) return;
  is_flush_posted_ = true;
  // By way of the executor behind the strand: what else this turn dispatches to the strand comes
  // before it.
  asio::post(strand_.get_inner_executor(), [self = shared_from_this()] {
    asio::dispatch(self->strand_, [self] {
      self->is_flush_posted_ = false;
      self->write();
    });
  });
}

void TlsConnection::write() {
  if (!is_open_ || is_writing_ || conversation_.output().empty()) return;
  is_writing_ = true;
  sending_ = std::exchange(conversation_.output(), {});
  asio::async_write(stream_, asio::buffer(sending_),
                    [self = shared_from_this()](const boost::system::error_code& failure,
                                                std::size_t) { self->handle_written(failure); });
}

void TlsConnection::handle_written(const boost::system::error_code& error) {
  if (!is_open_) return;
  if (error) {
    // Where the server has hung up, what it said before is still to be read and tells more. So
    // only writing ends here.
    if (error.category() == asio::error::get_ssl_category()) fail(describe(error));
    return;
  }
  is_writing_ = false;
  write();
}

void TlsConnection::command(std::span<const std::string> arguments, ReplyCallback callback) {
  if (!is_open_) {
    callback(nullptr);
    return;
  }
  conversation_.command(arguments, std::move(callback));
  want_write();
}

void TlsConnection::subscribe(const std::string& channel) {
  if (!is_open_) return;
  conversation_.subscribe(channel);
  want_write();
}

void TlsConnection::unsubscribe(const std::string& channel) {
  if (!is_open_) return;
  conversation_.unsubscribe(channel);
  want_write();
}

void TlsConnection::ping() {
  if (!is_open_) return;
  conversation_.ping();
  want_write();
}

void TlsConnection::close() {
  is_silenced_ = true;
  shut();
}

void TlsConnection::shut() {
  if (!is_open_) return;
  is_open_ = false;
  // Without a TLS goodbye: replies say themselves where they end, and the peer may hang.
  boost::system::error_code ignored;
  stream_.lowest_layer().close(ignored);
  conversation_.end();
}

void TlsConnection::fail(std::string cause) {
  if (!is_open_) return;
  shut();
  // Posted: the owner may not have heard of this connection yet.
  asio::post(strand_, [self = shared_from_this(), cause = std::move(cause)] {
    if (!self->is_silenced_ && self->callbacks_.on_closed) self->callbacks_.on_closed(cause);
  });
}

std::string TlsConnection::describe(const boost::system::error_code& error) {
  const long verdict = SSL_get_verify_result(stream_.native_handle());
  if (!is_ready_ && tls_.context->verifies && verdict != X509_V_OK) {
    return "TLS: the server's certificate is not accepted for \"" + tls_.server_name +
           "\": " + X509_verify_cert_error_string(verdict);
  }
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    if (is_ready_) return "Server closed the connection";
    return "the server hung up during the TLS handshake; " + std::string(is_it_tls);
  }
  if (error.category() == asio::error::get_ssl_category()) {
    return describe_ssl_error(error, tls_.context->has_certificate);
  }
  return error.message();
}

}  // namespace

std::shared_ptr<TlsContext> load_tls(const RedisOptions& options) {
  if (!options.tls) return nullptr;
  auto context = std::make_shared<TlsContext>();
  asio::ssl::context& ssl = context->ssl;
  SSL_CTX_set_min_proto_version(ssl.native_handle(), TLS1_2_VERSION);
  context->verifies = options.tls_verify;
  if (!options.tls_verify) {
    ssl.set_verify_mode(asio::ssl::verify_none);
  } else {
    ssl.set_verify_mode(asio::ssl::verify_peer);
    if (options.tls_ca.empty()) {
      ssl.set_default_verify_paths();
    } else {
      load_authorities(ssl, {"tls_ca", options.tls_ca});
    }
  }
  if (!options.tls_cert.empty()) {
    load_certificate(ssl, {"tls_cert", options.tls_cert}, {"tls_key", options.tls_key});
    context->has_certificate = true;
  }
  return context;
}

std::shared_ptr<Connection> open_tls_connection(const Strand& strand, const Endpoint& endpoint,
                                                const Tls& tls, Connection::Callbacks callbacks) {
  auto connection = std::make_shared<TlsConnection>(strand, tls, callbacks);
  connection->start(endpoint);
  return connection;
}

}  // namespace mesh::redis
