// Certificates made at test time, in a directory that goes away with the object.
#pragma once

#include <memory>
#include <string>

namespace ox::test {

class Issuer {
 public:
  explicit Issuer(const std::string& name);
  ~Issuer();
  struct Impl;
  std::unique_ptr<Impl> impl;
};

class Certificates {
 public:
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  std::string path(const std::string& file) const { return directory_ + "/" + file; }
  // The issuer's own certificate.
  std::string pemTrust(const std::string& file, const Issuer& issuer) const;
  std::string pkcs12Trust(const std::string& file, const Issuer& issuer,
                          const std::string& password) const;
  // A member's key and certificate, valid between now + fromDays and now + untilDays. With a
  // password the key is encrypted.
  std::string pemKeys(const std::string& file, const Issuer& issuer, const std::string& name,
                      const std::string& password = {}, int fromDays = -1, int untilDays = 30) const;
  std::string pkcs12Keys(const std::string& file, const Issuer& issuer, const std::string& name,
                         const std::string& password) const;
  std::string write(const std::string& file, const std::string& bytes) const;

 private:
  std::string directory_;
};

}  // namespace ox::test
