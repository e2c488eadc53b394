#include <support/certificates.hpp>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <support/child_process.hpp>

namespace mesh::test {

namespace {

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace

CertificateAuthority::CertificateAuthority() {
  write_file(directory_.path() / "ca.conf",
             "[req]\ndistinguished_name=dn\n[dn]\n[extensions]\n"
             "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
             "subjectKeyIdentifier=hash\n");
  own_ = request(
      {"-config", (directory_.path() / "ca.conf").string(), "-subj", "/CN=Test CA", "-days", "30"});
}

Certificate CertificateAuthority::issue(const std::string& names, int days) {
  const std::string config = (directory_.path() / "leaf.conf").string();
  write_file(config,
             "[req]\ndistinguished_name=dn\n[dn]\n[extensions]\n"
             "basicConstraints=critical,CA:FALSE\nsubjectAltName=" +
                 names + "\n");
  return request({"-config", config, "-CA", own_.cert, "-CAkey", own_.key, "-subj", "/CN=Test",
                  "-days", std::to_string(days)});
}

Certificate CertificateAuthority::request(std::vector<std::string> arguments) {
  const auto stem = directory_.path() / std::to_string(issued_++);
  const Certificate result{stem.string() + ".pem", stem.string() + ".key"};
  ProcessOptions options;
  options.command = {"openssl",
                     "req",
                     "-x509",
                     "-newkey",
                     "ec",
                     "-pkeyopt",
                     "ec_paramgen_curve:prime256v1",
                     "-nodes",
                     "-extensions",
                     "extensions",
                     "-out",
                     result.cert,
                     "-keyout",
                     result.key};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.output = directory_.path() / "openssl.log";
  ChildProcess process(options);
  const auto status = process.wait(std::chrono::seconds(60));
  if (!status || status->code != 0) {
    throw std::runtime_error("openssl req failed:\n" + process.output());
  }
  return result;
}

std::vector<std::string> config_lines(const ServerTls& tls) {
  return {"tls-cert-file " + tls.certificate.cert, "tls-key-file " + tls.certificate.key,
          "tls-ca-cert-file " + tls.ca,
          std::string("tls-auth-clients ") + (tls.asks_clients ? "yes" : "no")};
}

}  // namespace mesh::test
