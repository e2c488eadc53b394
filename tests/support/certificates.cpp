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

CertificateAuthority::CertificateAuthority() : own_(next_files()) {
  write_file(path("req.conf"),
             "[req]\ndistinguished_name=dn\n[dn]\n[authority]\n"
             "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n");
  openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-config", path("req.conf"), "-extensions", "authority", "-subj", "/CN=Test CA", "-days",
           "30", "-out", own_.cert, "-keyout", own_.key});
}

Certificate CertificateAuthority::issue(const std::string& names, int days) {
  const Certificate result = next_files();
  write_file(path("extensions"),
             "basicConstraints=critical,CA:FALSE\nsubjectAltName=" + names + "\n");
  openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-config", path("req.conf"), "-subj", "/CN=Test", "-out", path("request"), "-keyout",
           result.key});
  openssl({"x509", "-req", "-in", path("request"), "-CA", own_.cert, "-CAkey", own_.key,
           "-CAcreateserial", "-extfile", path("extensions"), "-days", std::to_string(days), "-out",
           result.cert});
  return result;
}

Certificate CertificateAuthority::next_files() {
  const std::string stem = path(std::to_string(issued_++));
  return {stem + ".pem", stem + ".key"};
}

void CertificateAuthority::openssl(std::vector<std::string> arguments) const {
  ProcessOptions options;
  options.command = {"openssl"};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.output = directory_.path() / "openssl.log";
  ChildProcess process(options);
  const auto status = process.wait(std::chrono::seconds(60));
  if (!status || status->code != 0) {
    throw std::runtime_error("openssl failed:\n" + process.output());
  }
}

std::vector<std::string> config_lines(const ServerTls& tls) {
  return {"tls-cert-file " + tls.certificate.cert, "tls-key-file " + tls.certificate.key,
          "tls-ca-cert-file " + tls.ca,
          std::string("tls-auth-clients ") + (tls.asks_clients ? "yes" : "no")};
}

}  // namespace mesh::test
