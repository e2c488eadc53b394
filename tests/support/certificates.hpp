#pragma once

#include <string>
#include <vector>

#include <support/temp_dir.hpp>

namespace mesh::test {

/// PEM files of a certificate and its key.
struct Certificate {
  std::string cert;
  std::string key;
};

/// An authority that issues certificates, with the openssl command, in a temporary directory.
class CertificateAuthority {
 public:
  CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  /// Its own certificate, to be trusted.
  const std::string& file() const { return own_.cert; }

  /// `names` are alternative names as openssl writes them, such as "IP:127.0.0.1,DNS:localhost".
  Certificate issue(const std::string& names, int days = 30);
  /// A certificate whose time is over.
  Certificate issue_expired(const std::string& names) { return issue(names, -1); }

 private:
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  Certificate next_files();
  void openssl(std::vector<std::string> arguments) const;

  TempDir directory_;
  int issued_ = 0;
  Certificate own_;
};

/// How a Redis or Sentinel of a test uses TLS.
struct ServerTls {
  std::string ca;
  Certificate certificate{};
  bool asks_clients = false;  ///< True: clients must have a certificate of `ca`.
};

/// The lines for its configuration, without the port.
std::vector<std::string> config_lines(const ServerTls& tls);

}  // namespace mesh::test
