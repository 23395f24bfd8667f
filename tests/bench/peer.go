// The usual Go token server, as a peer: Gin, and tokens of version 007 as Agora's Go code makes them.
package main

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/rand"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
)

const rtc = 1

type request struct {
	Channel string `json:"channel" binding:"required"`
	UID     string `json:"uid" binding:"required"`
	Role    string `json:"role"`
	Expire  uint32 `json:"expire"`
}

type packer struct{ bytes.Buffer }

func (p *packer) number(value interface{}) { _ = binary.Write(p, binary.LittleEndian, value) }

func (p *packer) text(text string) {
	p.number(uint16(len(text)))
	p.WriteString(text)
}

func sign(key, message []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return mac.Sum(nil)
}

func little(value uint32) []byte { return binary.LittleEndian.AppendUint32(nil, value) }

func token(appID, certificate string, r request) (string, error) {
	var body, out packer
	var packed bytes.Buffer

	issued, salt, expire := uint32(time.Now().Unix()), rand.Uint32()|1, r.Expire
	if expire == 0 {
		expire = 3600
	}
	privileges := uint16(1)
	if r.Role == "publisher" {
		privileges = 4
	}
	body.text(appID)
	body.number(issued)
	body.number(expire)
	body.number(salt)
	body.number(uint16(1))
	body.number(uint16(rtc))
	body.number(privileges)
	for i := uint16(1); i <= privileges; i++ {
		body.number(i)
		body.number(expire)
	}
	body.text(r.Channel)
	body.text(r.UID)
	key := sign(little(salt), sign(little(issued), []byte(certificate)))
	out.text(string(sign(key, body.Bytes())))
	out.Write(body.Bytes())
	writer := zlib.NewWriter(&packed)
	if _, err := writer.Write(out.Bytes()); err != nil {
		return "", err
	}
	if err := writer.Close(); err != nil {
		return "", err
	}
	return "007" + base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

func main() {
	appID, certificate := os.Getenv("APP_ID"), os.Getenv("APP_CERTIFICATE")
	engine := gin.New()
	engine.Use(gin.Recovery(), func(c *gin.Context) {
		c.Header("Cache-Control", "private, no-cache, no-store, must-revalidate")
		c.Header("Expires", "-1")
		c.Header("Pragma", "no-cache")
		c.Header("Access-Control-Allow-Origin", c.GetHeader("Origin"))
	})
	engine.GET("/ping", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"message": "pong"}) })
	engine.POST("/getToken", func(c *gin.Context) {
		var r request

		if err := c.ShouldBindJSON(&r); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		made, err := token(appID, certificate, r)
		if err != nil {
			c.JSON(http.StatusInternalServerError, gin.H{"error": err.Error()})
			return
		}
		c.JSON(http.StatusOK, gin.H{"token": made})
	})
	if err := engine.Run("127.0.0.1:" + os.Getenv("PORT")); err != nil {
		os.Exit(1)
	}
}
