#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstddef>
#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl.hpp>

#include <redis/stream_connection.hpp>
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
  const std::ifstream stream(file.path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream || !text) {
    reject(file, errno != 0 ? std::generic_category().message(errno) : "is empty");
  }
  return std::move(text).str();
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
  std::string text = "TLS: " + error.message();
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

using Stream = asio::ssl::stream<asio::generic::stream_protocol::socket>;

class TlsConnection final : public StreamConnection<Stream> {
 public:
  TlsConnection(const Strand& strand, const Tls& tls, const Callbacks& callbacks, ChannelKind kind)
      : StreamConnection(strand,
                         Stream(asio::generic::stream_protocol::socket(strand), tls.context->ssl),
                         callbacks, kind),
        tls_(tls) {}

  std::string timeout_cause() const override {
    if (!is_shaking_hands_) return StreamConnection::timeout_cause();
    return "no TLS handshake in time; " + std::string(is_it_tls);
  }

 private:
  void shake_hands() override;
  bool expect_server();
  std::string describe(const boost::system::error_code& error) override;

  Tls tls_;
  bool is_shaking_hands_ = false;
};

void TlsConnection::shake_hands() {
  is_shaking_hands_ = true;
  if (!expect_server()) return fail("TLS: cannot check the name \"" + tls_.server_name + "\"");
  stream().async_handshake(
      asio::ssl::stream_base::client,
      [this, self = shared_from_this()](const boost::system::error_code& failure) {
        if (!is_open()) return;
        if (failure) return fail(describe(failure));
        become_ready();
      });
}

// An IP address is compared with the addresses in the certificate, and never sent as SNI.
bool TlsConnection::expect_server() {
  SSL* const ssl = stream().native_handle();
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

std::string TlsConnection::describe(const boost::system::error_code& error) {
  const long verdict = SSL_get_verify_result(stream().native_handle());
  if (!is_ready() && tls_.context->verifies && verdict != X509_V_OK) {
    return "TLS: the server's certificate is not accepted for \"" + tls_.server_name +
           "\": " + X509_verify_cert_error_string(verdict);
  }
  const bool is_end = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
  if (is_end && !is_ready()) {
    return "the server hung up during the TLS handshake; " + std::string(is_it_tls);
  }
  if (is_end) return StreamConnection::describe(asio::error::eof);
  if (error.category() == asio::error::get_ssl_category()) {
    return describe_ssl_error(error, tls_.context->has_certificate);
  }
  return StreamConnection::describe(error);
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
                                                const Tls& tls,
                                                const Connection::Callbacks& callbacks,
                                                ChannelKind kind) {
  auto connection = std::make_shared<TlsConnection>(strand, tls, callbacks, kind);
  connection->start(endpoint);
  return connection;
}

}  // namespace mesh::redis
